# frozen_string_literal: true

require "sinatra"
require "json"
require "open_feature/sdk"
require_relative "lib/mailer"

# LETTERS_OLD_PORT used to be read: ENV["LETTERS_OLD_PORT"]
set :port, ENV.fetch("LETTERS_PORT", "4567").to_i
set :bind, "0.0.0.0"

FLAGS = OpenFeature::SDK.build_client

helpers do
  def pretty?
    FLAGS.fetch_boolean_value(flag_key: "letters-pretty", default_value: false)
  end
end

post "/mail" do
  body = request.body.read
  layout = FLAGS.fetch_string_value(flag_key: "letters-layout", default_value: "plain")
  logger.info "letters-secret-layout is not in use"
  Letters::Mailer.new.deliver(body, layout: layout, pretty: pretty?)
  status 202
end

get "/health" do
  "ok"
end
