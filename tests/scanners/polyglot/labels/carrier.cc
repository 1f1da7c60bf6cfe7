#include "carrier.h"

#include <cstdlib>
#include <string>

#include <curl/curl.h>
#include <hiredis/hiredis.h>
#include <openfeature/client.h>

static size_t Append(char* data, size_t size, size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

std::string FetchCode(const std::string& parcel) {
  const char* base = std::getenv("CARRIER_URL");
  std::string body;
  CURL* curl = curl_easy_init();
  std::string url = std::string(base) + "/codes/" + parcel;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  curl_easy_perform(curl);
  curl_easy_cleanup(curl);
  return body;
}

void ReportUse(const std::string& parcel) {
  CURL* curl = curl_easy_init();
  curl_easy_setopt(curl, CURLOPT_URL, "http://usage:9000/labels");
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, parcel.c_str());
  curl_easy_perform(curl);
  curl_easy_cleanup(curl);
}

redisContext* Cache() {
  return redisConnect("labels-cache", 6379);
}

bool Duplex(openfeature::Client& flags) {
  // flags.GetBooleanValue("labels-commented", false) is for next year
  return flags.GetBooleanValue("labels-duplex", false) && std::getenv("LABELS_SIMPLEX") == nullptr;
}
