// Atomicity: append() asks the other text for its length and then for its characters, and between the two calls it may
// have been cut.
#include <string>

#include "race.hpp"

namespace {

class SharedText {
public:
  explicit SharedText(std::string text) : text_(std::move(text)) {}

  std::size_t size() {
    const std::lock_guard<std::mutex> hold(mutex_);
    return text_.size();
  }
  char at(std::size_t i) {
    const std::lock_guard<std::mutex> hold(mutex_);
    assert(i < text_.size());
    return text_[i];
  }
  void clear() {
    const std::lock_guard<std::mutex> hold(mutex_);
    text_.clear();
  }
  std::string copy() {
    const std::lock_guard<std::mutex> hold(mutex_);
    return text_;
  }
  void append(SharedText& other) {
    if (fixed) {
      const std::string whole = other.copy();
      const std::lock_guard<std::mutex> hold(mutex_);
      text_ += whole;
      return;
    }
    const std::size_t count = other.size();
    race_window();
    for (std::size_t i = 0; i < count; ++i) {
      const char c = other.at(i);
      const std::lock_guard<std::mutex> hold(mutex_);
      text_ += c;
    }
  }

private:
  std::mutex mutex_;
  std::string text_;
};

}  // namespace

int main() {
  SharedText head("head");
  SharedText tail("tail");
  std::thread appends([&] { head.append(tail); });
  std::thread clears([&] {
    other_work(1000000);
    tail.clear();
  });
  appends.join();
  clears.join();
}
