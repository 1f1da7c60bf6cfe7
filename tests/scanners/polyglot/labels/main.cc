#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

#include "carrier.h"
#include "labels.grpc.pb.h"

using grpc::Server;
using grpc::ServerBuilder;
using grpc::ServerContext;
using grpc::Status;

namespace {

// LABELS_OLD_PORT is no longer read (it was std::getenv("LABELS_OLD_PORT")).
std::string EnvOr(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value == nullptr ? fallback : std::string(value);
}

class LabelsService final : public shop::Labels::Service {
 public:
  Status Print(ServerContext* context, const shop::PrintRequest* request,
               shop::PrintReply* reply) override {
    std::string code = FetchCode(request->parcel());
    if (code.empty()) {
      std::cerr << "set CARRIER_URL to http://carrier.example first" << std::endl;
    }
    reply->set_code(code);
    return Status::OK;
  }
};

std::unique_ptr<shop::Address::Stub> AddressStub() {
  const std::string target = EnvOr("ADDRESS_ADDR", "address:50051");
  auto channel = grpc::CreateChannel(target, grpc::InsecureChannelCredentials());
  return shop::Address::NewStub(channel);
}

std::unique_ptr<shop::Printer::Stub> PrinterStub() {
  return shop::Printer::NewStub(
      grpc::CreateChannel("printer.shop.internal:50052", grpc::InsecureChannelCredentials()));
}

std::shared_ptr<grpc::Channel> ChannelTo(const std::string& address) {
  return grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
}

}  // namespace

int main() {
  const std::string port = EnvOr("LABELS_PORT", "50051");
  setenv("LABELS_CHILD", "1", 1);
  LabelsService service;
  ServerBuilder builder;
  builder.AddListeningPort("0.0.0.0:" + port, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  builder.BuildAndStart()->Wait();
  return 0;
}
