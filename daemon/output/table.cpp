#include "output/table.h"

#include <algorithm>

#include "output/text.h"

namespace pgrecall {

namespace {
struct Placed {
  std::size_t column;
  std::size_t width;  // cells; 0 for the last column when it is aligned to the left: nothing to pad
};

std::string padded(const Style& style, const Table::Cell& cell, Table::Align align, std::size_t width) {
  const std::size_t own = display_width(cell.text);
  const std::string padding(width > own ? width - own : 0, ' ');
  const std::string text = style.paint(cell.tone, cell.text);
  return align == Table::Align::right ? padding + text : text + padding;
}
}  // namespace

void Table::add(std::vector<Cell> cells) {
  for (Cell& cell : cells) {
    cell.text = printable(cell.text);
  }
  cells.resize(columns_.size(), Cell(""));
  rows_.push_back(std::move(cells));
}

std::string Table::render(const Style& style) const {
  std::vector<Placed> placed;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t widest = 0;
    for (const auto& row : rows_) {
      widest = std::max(widest, display_width(row[i].text));
    }
    if (widest > 0) {
      placed.push_back({i, std::max(widest, display_width(columns_[i].heading))});
    }
  }
  if (!placed.empty() && columns_[placed.back().column].align == Align::left) {
    placed.back().width = 0;
  }
  std::string out;
  const auto line = [&](const auto& cell_of) {
    std::string text;
    for (const Placed& place : placed) {
      text += text.empty() ? "" : "  ";
      text += padded(style, cell_of(place.column), columns_[place.column].align, place.width);
    }
    out += text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
  };
  line([&](std::size_t column) { return Cell(columns_[column].heading, Tone::faint); });
  for (const auto& row : rows_) {
    line([&](std::size_t column) { return row[column]; });
  }
  return out;
}

}  // namespace pgrecall
