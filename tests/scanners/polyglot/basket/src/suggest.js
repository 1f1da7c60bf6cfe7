const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");

const definition = protoLoader.loadSync("suggest.proto");
const proto = grpc.loadPackageDefinition(definition);

const client = new proto.shop.Suggest(process.env.SUGGEST_ADDR, grpc.credentials.createInsecure());

function suggest(id) {
  const deadline = Date.now() + Number(process.env.SUGGEST_TIMEOUT_MS ?? "250");
  return new Promise((resolve) => {
    client.forProduct({ id }, { deadline }, (error, reply) => {
      resolve(error ? [] : reply.ids);
    });
  });
}

module.exports = { suggest };
