#include "page/style_sheet.h"

namespace pgrecall {

namespace {
constexpr std::string_view sheet = R"css(
:root{color-scheme:light dark;
--ground:#f5f6f8;--card:#fff;--line:#e3e7ec;--text:#18212c;--soft:#5a6675;--faint:#8a95a3;
--good:#17764a;--good-fill:#3f9d6f;--good-soft:#e4f3eb;--warning:#8a5a00;--warning-soft:#fdf1d9;
--bad:#b3261e;--bad-fill:#cf4a41;--bad-soft:#fce8e6;--calm:#3b5bdb;--calm-soft:#e9edfc;
--track:#eef1f4;--promise:#c3ccd6;--shade:0 1px 2px rgba(20,30,45,.05),0 4px 16px rgba(20,30,45,.04)}
@media (prefers-color-scheme:dark){:root{
--ground:#0f1318;--card:#171c23;--line:#272e38;--text:#e5e9ee;--soft:#9aa5b2;--faint:#6d7886;
--good:#5cc795;--good-fill:#3c9a6d;--good-soft:#143226;--warning:#e5b454;--warning-soft:#35290f;
--bad:#ff8a80;--bad-fill:#d9544a;--bad-soft:#3b1a18;--calm:#8fa7ff;--calm-soft:#1d2647;
--track:#202730;--promise:#465160;--shade:none}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","Liberation Sans",sans-serif;font-variant-numeric:tabular-nums}
.page{max-width:60rem;margin:0 auto;padding:1.25rem 1.25rem 3rem}
h1,h2,h3,p,dl,dd,ul{margin:0;padding:0}
a{color:var(--calm);text-decoration:none}a:hover{text-decoration:underline}
code{font:.86em/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;background:var(--track);border-radius:4px;padding:.12em .38em;overflow-wrap:anywhere}
.top{display:flex;justify-content:space-between;gap:1rem;color:var(--soft);font-size:.85rem;padding-bottom:1rem}
.top b{color:var(--text);font-weight:650;letter-spacing:-.01em;font-size:1rem}
.verdict{display:flex;gap:1.1rem;align-items:center;padding:1.5rem;border-radius:14px;background:var(--card);box-shadow:var(--shade);border:1px solid var(--line)}
.verdict .sign{flex:none;width:3.4rem;height:3.4rem}
.verdict h1{font-size:1.75rem;line-height:1.2;font-weight:650;letter-spacing:-.02em;overflow-wrap:anywhere}
.verdict p{color:var(--soft);margin-top:.3rem;overflow-wrap:anywhere}
.verdict.good{background:var(--good-soft);border-color:transparent}.verdict.bad{background:var(--bad-soft);border-color:transparent}
.verdict.warning,.verdict.unknown{background:var(--warning-soft);border-color:transparent}
.good h1{color:var(--good)}.bad h1{color:var(--bad)}.warning h1,.unknown h1{color:var(--warning)}
.sign circle{fill:var(--faint)}.sign path{fill:none;stroke:var(--card);stroke-width:2.4;stroke-linecap:round;stroke-linejoin:round}
.sign.good circle{fill:var(--good)}.sign.bad circle{fill:var(--bad)}.sign.warning circle,.sign.unknown circle{fill:var(--warning)}
.section{display:flex;justify-content:space-between;align-items:baseline;flex-wrap:wrap;gap:.2rem 1rem;margin:2rem .2rem .7rem}
.section h2{font-size:.8rem;font-weight:650;text-transform:uppercase;letter-spacing:.07em;color:var(--soft)}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:.78rem;color:var(--soft)}
.legend span{display:inline-flex;align-items:center;gap:.4rem}
.legend svg.timeline{width:20px;height:10px;margin:0}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;box-shadow:var(--shade);padding:1.1rem 1.25rem 1.15rem;margin-bottom:.9rem}
.card.bad{border-color:var(--bad-fill)}
.card>header{display:flex;align-items:center;gap:.6rem;flex-wrap:wrap}
.card>header .sign{width:1.35rem;height:1.35rem}
.card h3{font-size:1.15rem;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}
.card .where{color:var(--faint);font-size:.8rem;margin-left:auto}
.pill{font-size:.75rem;font-weight:600;border-radius:99px;padding:.1rem .6rem;background:var(--track);color:var(--soft);white-space:nowrap}
.pill.good{background:var(--good-soft);color:var(--good)}.pill.bad,.pill.critical{background:var(--bad-soft);color:var(--bad)}
.pill.warning,.pill.unknown{background:var(--warning-soft);color:var(--warning)}
.reason{margin-top:.45rem;overflow-wrap:anywhere}
.facts{display:grid;grid-template-columns:repeat(4,1fr);gap:.9rem 1.25rem;margin-top:1rem}
.facts dt,.jobs th{font-size:.75rem;font-weight:500;color:var(--soft)}
.facts dd{font-size:1.2rem;font-weight:600;letter-spacing:-.01em;line-height:1.35}
.facts dd time{white-space:nowrap}.facts dd.note time{white-space:normal}
.facts dd.note{font-size:.8rem;font-weight:400;letter-spacing:0;color:var(--soft);overflow-wrap:anywhere}
.facts dd.unknown,.unknown-value{color:var(--warning)}
.facts dd.over{color:var(--bad)}
.timeline{display:block;margin:.7rem 0 .2rem;overflow:visible}
.timeline .ground{fill:var(--track)}
.timeline .promised{fill:var(--track);stroke:var(--promise);stroke-width:1;stroke-dasharray:4 3}
.timeline .real{fill:var(--good-fill)}.timeline.stale .real{fill:var(--promise)}
.timeline .missing{fill:var(--bad-fill)}
.timeline .promise{stroke:var(--text);stroke-width:1.5}
.timeline .reach{fill:transparent}
.timeline .tick{fill:var(--soft)}.timeline .tick.damaged{fill:var(--bad-fill)}
.timeline .mark{stroke:var(--card);stroke-width:1;opacity:.55}
.timeline text{font-size:11px;fill:var(--faint);text-anchor:middle}.timeline .now{text-anchor:end;fill:var(--soft)}
.run{margin-top:.8rem;font-size:.88rem}
.run .words{display:flex;justify-content:space-between;gap:1rem;flex-wrap:wrap}
.run .words span+span{color:var(--soft)}
.gauge{display:block;width:100%;height:8px;margin-top:.35rem}
.gauge .all{fill:var(--track)}.gauge .part{fill:var(--calm)}.gauge .other{fill:var(--promise)}
.jobs{width:100%;border-collapse:collapse;margin-top:.9rem;font-size:.88rem;border-top:1px solid var(--line)}
.jobs th{text-align:left;padding:.55rem .8rem .2rem 0}
.jobs td{padding:.18rem .8rem .18rem 0;vertical-align:top}
.jobs th:last-child,.jobs td:last-child{padding-right:0;text-align:right}
.jobs .name{font-weight:550}.jobs .name,.jobs time{white-space:nowrap}.jobs th:nth-child(2),.jobs td:nth-child(2){width:50%}
.jobs .failed{color:var(--bad);overflow-wrap:anywhere}.jobs td.failed{text-align:left}.jobs .soft{color:var(--soft)}
.alert{border-left:4px solid var(--warning)}.alert.critical{border-left-color:var(--bad-fill)}
.alert h3{font-size:1rem;letter-spacing:0;font-weight:600;flex:1 1 18rem}
.alert .todo{margin-top:.5rem;overflow-wrap:anywhere}
.alert .meta{margin-top:.5rem;color:var(--soft);font-size:.82rem;display:flex;flex-wrap:wrap;gap:.1rem 1rem}
.alert>header{align-items:baseline}
.quiet{color:var(--soft);margin:0 .2rem;font-size:.9rem}
.words b{font-weight:600}
footer{margin-top:2.2rem;color:var(--faint);font-size:.8rem;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem}
@media (max-width:40rem){
.page{padding:.8rem .8rem 2.5rem}
.top{padding:.1rem .2rem .8rem}
.verdict{padding:1.1rem;gap:.85rem}.verdict .sign{width:2.6rem;height:2.6rem}.verdict h1{font-size:1.35rem}
.card{padding:1rem}
.facts{grid-template-columns:repeat(2,1fr)}
.timeline .alt{display:none}
.jobs .optional{display:none}
.alert h3{flex-basis:100%}
.card .where{margin-left:0;flex-basis:100%}
}
)css";
}  // namespace

std::string_view style_sheet() noexcept { return sheet; }

}  // namespace pgrecall
