// The smallest test frame that says what failed where: TEST(name) { CHECK(...); }
#ifndef AIMC_TILE_CORE_TESTS_CHECK_HH
#define AIMC_TILE_CORE_TESTS_CHECK_HH

#include <sstream>
#include <string>

namespace aimc_test {

struct Registration {
  Registration(const char* name, void (*run)());
};

void fail(const char* file, int line, const std::string& message);

template <typename A, typename B>
void check_equal(const A& a, const B& b, const char* text, const char* file, int line) {
  if (a == b) return;
  std::ostringstream message;
  message << text << ": " << +a << " != " << +b;
  fail(file, line, message.str());
}

}  // namespace aimc_test

#define TEST(name)                                                          \
  static void test_##name();                                                \
  static const aimc_test::Registration register_##name(#name, test_##name); \
  static void test_##name()

#define CHECK(condition)                                                          \
  do {                                                                            \
    if (!(condition)) aimc_test::fail(__FILE__, __LINE__, "not so: " #condition); \
  } while (false)

#define CHECK_EQUAL(a, b) aimc_test::check_equal((a), (b), #a " == " #b, __FILE__, __LINE__)

#define CHECK_THROWS(type, statement)                                                          \
  do {                                                                                         \
    bool thrown = false;                                                                       \
    try {                                                                                      \
      statement;                                                                               \
    } catch (const type&) {                                                                    \
      thrown = true;                                                                           \
    }                                                                                          \
    if (!thrown) aimc_test::fail(__FILE__, __LINE__, "does not throw " #type ": " #statement); \
  } while (false)

#endif  // AIMC_TILE_CORE_TESTS_CHECK_HH
