// SPDX-License-Identifier: Apache-2.0
// A Beast body type that hands the bytes on as the parser finds them, so that no second buffer is needed.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/optional/optional.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hillstar::providers::beast_detail {

class BodySink {
 public:
  /// False: no more of it.
  virtual bool on_body_bytes(std::string_view bytes) = 0;

 protected:
  ~BodySink() = default;
};

struct SinkBody {
  using value_type = BodySink*;
  class reader {
   public:
    template <bool is_request, class Fields>
    reader(boost::beast::http::header<is_request, Fields>& /*header*/, value_type& sink) : sink_(sink) {}
    void init(const boost::optional<std::uint64_t>& /*length*/, boost::system::error_code& code) { code = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, boost::system::error_code& code) {
      code = {};
      std::size_t size = 0;
      for (auto at = boost::asio::buffer_sequence_begin(buffers); at != boost::asio::buffer_sequence_end(buffers);
           ++at) {
        const boost::asio::const_buffer buffer = *at;
        size += buffer.size();
        if (!sink_->on_body_bytes({static_cast<const char*>(buffer.data()), buffer.size()}))
          code = boost::beast::http::make_error_code(boost::beast::http::error::body_limit);
      }
      return size;
    }
    void finish(boost::system::error_code& code) { code = {}; }

   private:
    value_type& sink_;  // The parser makes its reader before anyone can name the sink.
  };
};

}  // namespace hillstar::providers::beast_detail
