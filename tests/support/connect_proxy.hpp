// SPDX-License-Identifier: Apache-2.0
// A proxy on loopback that opens every tunnel to one server of the test, whatever host is asked for.
#pragma once

#include <array>
#include <boost/asio.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace hillstar::testing {

class ConnectProxy {
 public:
  /// Tunnels lead to 127.0.0.1:`target`.
  explicit ConnectProxy(unsigned short target) : target_(target) {
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~ConnectProxy() {
    io_.stop();
    thread_.join();
  }
  ConnectProxy(const ConnectProxy&) = delete;
  ConnectProxy& operator=(const ConnectProxy&) = delete;

  [[nodiscard]] std::string authority() const {
    return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  /// What was asked, up to and including the blank line.
  [[nodiscard]] std::vector<std::string> heads() const {
    const std::lock_guard lock(mutex_);
    return heads_;
  }

 private:
  using tcp = boost::asio::ip::tcp;
  using error_code = boost::system::error_code;
  struct Tunnel {
    Tunnel(boost::asio::io_context& io, tcp::socket socket) : ends{std::move(socket), tcp::socket(io)} {}
    std::array<tcp::socket, 2> ends;
    std::array<std::array<char, 16384>, 2> buffers{};
    std::string head;
  };
  using TunnelPtr = std::shared_ptr<Tunnel>;

  void accept() {
    acceptor_.async_accept([this](const error_code& code, tcp::socket socket) {
      if (code) return;
      read_head(std::make_shared<Tunnel>(io_, std::move(socket)));
      accept();
    });
  }
  void read_head(const TunnelPtr& tunnel) {
    boost::asio::async_read_until(tunnel->ends[0], boost::asio::dynamic_buffer(tunnel->head, 65536), "\r\n\r\n",
                                  [this, tunnel](const error_code& code, std::size_t) {
                                    if (!code) open(tunnel);
                                  });
  }
  void open(const TunnelPtr& tunnel) {
    {
      const std::lock_guard lock(mutex_);
      heads_.push_back(tunnel->head);
    }
    error_code code;
    tunnel->ends[1].connect({boost::asio::ip::address_v4::loopback(), target_}, code);
    if (code) return;
    tunnel->head = "HTTP/1.1 200 Connection established\r\nX-Proxy: y\r\n\r\n";
    boost::asio::async_write(tunnel->ends[0], boost::asio::buffer(tunnel->head),
                             [this, tunnel](const error_code& failed, std::size_t) {
                               if (failed) return;
                               copy(tunnel, 0);
                               copy(tunnel, 1);
                             });
  }
  void copy(const TunnelPtr& tunnel, std::size_t from) {
    tunnel->ends[from].async_read_some(
        boost::asio::buffer(tunnel->buffers[from]), [this, tunnel, from](const error_code& code, std::size_t size) {
          if (code) return shut(tunnel);
          boost::asio::async_write(tunnel->ends[1 - from], boost::asio::buffer(tunnel->buffers[from], size),
                                   [this, tunnel, from](const error_code& failed, std::size_t) {
                                     failed ? shut(tunnel) : copy(tunnel, from);
                                   });
        });
  }
  static void shut(const TunnelPtr& tunnel) {
    error_code ignored;
    for (auto& end : tunnel->ends) end.close(ignored);
  }

  unsigned short target_;
  mutable std::mutex mutex_;
  std::vector<std::string> heads_;
  boost::asio::io_context io_{1};
  tcp::acceptor acceptor_{io_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
  std::thread thread_;
};

}  // namespace hillstar::testing
