#include <algorithm>
#include <cstring>

#include "base/host_name.h"
#include "http/curl.h"

namespace pgrecall {

namespace {
struct Upload {
  std::string_view rest;
};

std::size_t give(char* into, std::size_t, std::size_t room, void* from) {
  auto& upload = *static_cast<Upload*>(from);
  const std::size_t count = std::min(room, upload.rest.size());
  std::memcpy(into, upload.rest.data(), count);
  upload.rest.remove_prefix(count);
  return count;
}

struct Said {
  std::string last;
  std::string refusal;    // the first
  std::string recipient;  // the first that refuses one: RFC 5321, section 4.2.3
};

bool refuses_recipient(std::string_view line) {
  return line.starts_with("55") || line.starts_with("450") || line.starts_with("451") || line.starts_with("452");
}

std::size_t take_line(const char* data, std::size_t, std::size_t count, void* into) {
  auto& said = *static_cast<Said*>(into);
  const std::string_view line = std::string_view(data, count).substr(0, 1000);
  said.last = line.substr(0, line.find_last_not_of("\r\n") + 1);
  if (said.refusal.empty() && (line.starts_with('4') || line.starts_with('5'))) {
    said.refusal = said.last;
  }
  if (said.recipient.empty() && refuses_recipient(line)) {
    said.recipient = said.last;
  }
  return count;
}

void set_server(CURL* handle, const MailDelivery& mail) {
  const bool tls = mail.encryption == MailDelivery::Encryption::tls;
  // The path of an smtp:// URL is the name that EHLO has.
  curl_easy_setopt(handle, CURLOPT_URL, ((tls ? "smtps://" : "smtp://") + mail.server + "/" + host_name("localhost")).c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(handle, CURLOPT_USE_SSL,
                   static_cast<long>(mail.encryption == MailDelivery::Encryption::none ? CURLUSESSL_NONE : CURLUSESSL_ALL));
  if (mail.user) {
    curl_easy_setopt(handle, CURLOPT_USERNAME, mail.user->c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, mail.password.reveal().c_str());
  }
  curl_easy_setopt(handle, CURLOPT_MAIL_FROM, ("<" + mail.from + ">").c_str());
}

// A refusal is a reply: which code, decides whether it may pass.
bool refused(CURLcode code) noexcept {
  return code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_LOGIN_DENIED ||
         code == CURLE_QUOTE_ERROR || code == CURLE_REMOTE_ACCESS_DENIED || code == CURLE_UPLOAD_FAILED ||
         code == CURLE_FTP_WEIRD_SERVER_REPLY;
}
}  // namespace

std::variant<HttpReply, NoReply> send_mail(const MailDelivery& mail) {
  const Curl handle = make_curl();
  CurlList recipients;
  for (const std::string& address : mail.to) {
    append(recipients, "<" + address + ">");
  }
  Upload upload{mail.message};
  HttpReply reply;
  Said said;
  set_server(handle.get(), mail);
  set_limits(handle.get(), {mail.timeout, mail.timeout, mail.ca_file});
  watch_stop(handle.get(), mail.stop);
  curl_easy_setopt(handle.get(), CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(handle.get(), CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_READFUNCTION, give);
  curl_easy_setopt(handle.get(), CURLOPT_READDATA, &upload);
  curl_easy_setopt(handle.get(), CURLOPT_HEADERFUNCTION, take_line);
  curl_easy_setopt(handle.get(), CURLOPT_HEADERDATA, &said);
  // One address that is gone must not keep a mail from all others.
  curl_easy_setopt(handle.get(), CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
  const CurlWords words(handle.get());
  const CURLcode code = curl_easy_perform(handle.get());
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  if (code != CURLE_OK && !(refused(code) && reply.status >= 400)) {
    return no_reply(code, "the mail", mail.server.substr(0, mail.server.rfind(':')), words);
  }
  reply.body = said.refusal.empty() || code == CURLE_OK ? said.last : said.refusal;  // after a refusal comes its farewell
  reply.remark = code == CURLE_OK && !said.recipient.empty() ? "but not all of its addresses: " + said.recipient : "";
  return reply;
}

}  // namespace pgrecall
