# frozen_string_literal: true

require "faraday"
require "net/http"
require "redis"
require "bunny"
require "pg"

module Letters
  PROFILE_URL = ENV["PROFILE_URL"] || "http://profile:8080"

  def self.required(name)
    ENV.fetch(name) { raise "#{name} is not set" }
  end

  # Sends letters through the post house.
  class Mailer
    def initialize
      @profiles = Faraday.new(url: PROFILE_URL) do |f|
        f.request :json
        f.response :json
      end
      @redis = Redis.new(url: ENV.fetch("LETTERS_REDIS_URL"))
    end

    def deliver(body, layout:, pretty:)
      address = @profiles.get("/addresses/#{body}").body
      text = pretty ? body.capitalize : body
      send_out(address, "#{layout}: #{text}")
      queue.publish(text, routing_key: "letters")
      @redis.incr("letters")
    end

    def send_out(address, text)
      uri = URI("https://api.posthouse.example/v1/letters")
      Net::HTTP.post(uri, { to: address, text: text }.to_json, "X-Key" => ENV["POSTHOUSE_KEY"])
    end

    def queue
      connection = Bunny.new(Letters.required("LETTERS_AMQP_URL"))
      connection.start
      connection.create_channel.default_exchange
    end

    def archive
      PG.connect(host: "letters-db", dbname: "letters")
    end

    def probe(url)
      Faraday.get(url).status
    end

    def mark
      ENV["LETTERS_LAST_RUN"] = Time.now.to_s
      puts "LETTERS_PRINTED_NAME is set by hand"
    end
  end
end
