#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "api/limits.hpp"
#include "api/listener.hpp"
#include "api/services.hpp"

namespace ndr {

/// The HTTP server on its listeners. Lives on the one I/O thread; what `services` names outlives it.
class Server {
public:
  /// `token` is what TCP clients must show; see create_token_files().
  Server(boost::asio::any_io_executor executor, Services services, std::vector<Listener> listeners, std::string token,
         ServerLimits limits = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start();
  /// Closes the listeners, cancels all connections and waits until none is left. Once.
  boost::asio::awaitable<void> stop();

private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ndr
