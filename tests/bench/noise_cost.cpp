// What the noise library costs a run that locks and unlocks a mutex, where the library delays nothing.
//   noise_cost [ROUNDS]         figures as JSON: nanoseconds for a lock and its unlock, with the library and without,
//                               medians over rounds in which each state has its turn; the ratio is their ratios' median
//   noise_cost --loop one|two   what is measured, in a process of one thread or that had two: "EMPTY_NS SHORT_NS"
// off: switched off, in a process of one thread; closed: before its first thread; off_two, open_two: after a thread was
// made, switched off and with a chance of 0. The goal is of a short critical section (some 40 ns of work), which is
// what a lock is for. An empty one is told too: of its 7 ns each jump through the library is a twelfth.
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr int chunks = 200;
constexpr int pairs_of_chunk = 50000;  // 10^7 in all

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

double cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// Neighbours on the same core make a chunk slower, nothing makes it faster.
double undisturbed(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 20];
}

template <int steps>
double pair_ns() {
  std::vector<double> times;
  std::uint64_t word = 1;
  for (int chunk = 0; chunk < chunks; ++chunk) {
    const double begin = cpu_ns();
    for (int i = 0; i < pairs_of_chunk; ++i) {
      ::pthread_mutex_lock(&mutex);
      for (int step = 0; step < steps; ++step)
        word = word * 6364136223846793005U + 1442695040888963407U;
      ::pthread_mutex_unlock(&mutex);
    }
    times.push_back((cpu_ns() - begin) / pairs_of_chunk);
  }
  volatile std::uint64_t kept = word;
  (void)kept;
  return undisturbed(times);
}

int loop(bool has_two) {
  if (has_two) std::thread{[] {}}.join();  // opens the gate; libc locks by real instructions from then on
  std::printf("%.3f %.3f\n", pair_ns<0>(), pair_ns<36>());
  return 0;
}

struct State {
  const char* name;
  const char* noise;  // null: without the library
  const char* threads;
  int peer;  // the state without the library
};

constexpr std::array states{
    State{"alone", nullptr, "one", 0},
    State{"off", "mode=off", "one", 0},
    State{"closed", "mode=sleep,p=0.1,us=1000", "one", 0},
    State{"alone_two", nullptr, "two", 3},
    State{"off_two", "mode=off", "two", 3},
    State{"open_two", "mode=sleep,p=0,us=1000", "two", 3},
};

using Pair = std::array<double, 2>;

Pair measured(const std::string& self, const State& state) {
  std::string command = "exec ";
  if (state.noise != nullptr)
    command += std::string{"env LD_PRELOAD="} + NOISE_LIBRARY + " NDREPRO_NOISE=" + state.noise + " ";
  command += self + " --loop " + state.threads;
  Pair pair{};
  FILE* answer = ::popen(command.c_str(), "r");
  const bool is_read = answer != nullptr && std::fscanf(answer, "%lf %lf", &pair[0], &pair[1]) == 2;
  if (answer == nullptr || ::pclose(answer) != 0 || !is_read) {
    std::fprintf(stderr, "noise_cost: this failed: %s\n", command.c_str());
    std::exit(1);
  }
  return pair;
}

void print_figure(const State& state, int section, const std::vector<std::array<Pair, states.size()>>& rounds,
                  bool is_last) {
  std::vector<double> values, peers, ratios;
  const auto own = static_cast<std::size_t>(&state - states.data());
  for (const auto& round : rounds) {
    values.push_back(round[own][static_cast<std::size_t>(section)]);
    peers.push_back(round[static_cast<std::size_t>(state.peer)][static_cast<std::size_t>(section)]);
    ratios.push_back(values.back() / peers.back());
  }
  const bool has_goal = section == 1 && std::string_view{state.name} != "open_two";
  const double ratio = median(ratios);
  std::printf("  {\"name\": \"noise_%s_%s_ns\", \"value\": %.3f, \"unit\": \"ns\", \"peer\": \"without the library\", ",
              state.name, section == 0 ? "empty" : "short", median(values));
  std::printf("\"peer_value\": %.3f, \"ratio\": %.4f, \"goal\": \"%s\", \"holds\": %s}%s\n", median(peers), ratio,
              has_goal ? "<= 1.02 times" : "told only", !has_goal || ratio <= 1.02 ? "true" : "false",
              is_last ? "" : ",");
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3 && std::string_view{arguments[1]} == "--loop") return loop(std::string_view{arguments[2]} == "two");
  const int wanted = count > 1 ? std::atoi(arguments[1]) : 9;
  std::vector<std::array<Pair, states.size()>> rounds(static_cast<std::size_t>(std::max(wanted, 1)));
  std::array<std::size_t, states.size()> order{};
  for (std::size_t round = 0; round < rounds.size(); ++round) {
    for (std::size_t i = 0; i < order.size(); ++i)
      order[i] = (i * (round % 2 == 0 ? 1 : 5) + round) % order.size();  // forwards, backwards, from another one
    for (const std::size_t which : order)
      rounds[round][which] = measured(arguments[0], states[which]);
  }
  std::printf("[\n");
  for (int section = 0; section < 2; ++section) {
    for (const State& state : states) {
      if (state.noise != nullptr) print_figure(state, section, rounds, section == 1 && &state == &states.back());
    }
  }
  std::printf("]\n");
  return 0;
}
