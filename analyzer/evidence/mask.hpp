#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace ndr {

/// A piece of a message: text that stays, or a value that varies between runs and the mark that stands for it.
struct MessagePart {
  bool masked = false;
  std::string_view text;  // of the message
  std::string_view mark;  // "<n>", "<hex>", "<uuid>", "<path>"; empty where nothing is masked
};

/// Cuts a message into what stays and what varies; the parts' texts joined are the message.
std::vector<MessagePart> message_parts(std::string_view message);

}  // namespace ndr
