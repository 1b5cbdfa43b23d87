// Runs the tests whose names begin with the argument, or all.
#include <cstdio>
#include <cstring>
#include <exception>
#include <vector>

#include "aimc_tile/core/tests/check.hh"

namespace aimc_test {
namespace {

struct Test {
  const char* name;
  void (*run)();
};

std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

int failures = 0;

}  // namespace

Registration::Registration(const char* name, void (*run)()) { tests().push_back({name, run}); }

void fail(const char* file, int line, const std::string& message) {
  ++failures;
  std::fprintf(stderr, "%s:%d: %s\n", file, line, message.c_str());
}

}  // namespace aimc_test

int main(int argc, char** argv) {
  const char* prefix = argc > 1 ? argv[1] : "";
  int count = 0;
  for (const aimc_test::Test& test : aimc_test::tests()) {
    if (std::strncmp(test.name, prefix, std::strlen(prefix)) != 0) continue;
    ++count;
    const int before = aimc_test::failures;
    try {
      test.run();
    } catch (const std::exception& error) {
      aimc_test::fail(test.name, 0, error.what());
    }
    std::printf("%s %s\n", aimc_test::failures == before ? "ok  " : "FAIL", test.name);
  }
  if (count == 0) std::fprintf(stderr, "no test is named %s...\n", prefix);
  return aimc_test::failures == 0 && count > 0 ? 0 : 1;
}
