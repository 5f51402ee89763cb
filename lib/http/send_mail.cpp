#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

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

// The line that the server refused with, and otherwise the last that it said: after a refusal comes its farewell.
std::size_t take_line(const char* data, std::size_t, std::size_t count, void* into) {
  auto& line = *static_cast<std::string*>(into);
  const std::string_view said = std::string_view(data, count).substr(0, 1000);
  if (!line.starts_with('4') && !line.starts_with('5')) {
    line = said.substr(0, said.find_last_not_of("\r\n") + 1);
  }
  return count;
}

// The path of an smtp:// URL is the name that EHLO has.
std::string own_name() {
  std::array<char, 256> name{};
  const bool known = ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0';
  return known ? name.data() : "localhost";
}

void set_server(CURL* handle, const MailDelivery& mail) {
  const bool tls = mail.encryption == MailDelivery::Encryption::tls;
  curl_easy_setopt(handle, CURLOPT_URL, ((tls ? "smtps://" : "smtp://") + mail.server + "/" + own_name()).c_str());
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
  std::string line;
  set_server(handle.get(), mail);
  set_limits(handle.get(), {mail.timeout, mail.timeout, mail.ca_file});
  watch_stop(handle.get(), mail.stop);
  curl_easy_setopt(handle.get(), CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(handle.get(), CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_READFUNCTION, give);
  curl_easy_setopt(handle.get(), CURLOPT_READDATA, &upload);
  curl_easy_setopt(handle.get(), CURLOPT_HEADERFUNCTION, take_line);
  curl_easy_setopt(handle.get(), CURLOPT_HEADERDATA, &line);
  const CURLcode code = curl_easy_perform(handle.get());
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  if (code != CURLE_OK && !(refused(code) && reply.status >= 400)) {
    return no_reply(code, "the mail", mail.server.substr(0, mail.server.rfind(':')));
  }
  reply.body = line;
  return reply;
}

}  // namespace pgrecall
