// The values of one section of a configuration, as Python hands them over: by name.
#ifndef HARNESS_NATIVE_FIELDS_HH_
#define HARNESS_NATIVE_FIELDS_HH_

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace aimc::native {

class Fields {
 public:
  // `section` is what error messages call the values.
  Fields(nanobind::dict values, std::string section)
      : values_(std::move(values)), section_(std::move(section)) {}

  // Throws std::invalid_argument if the name is missing, or its value is not a `T`.
  template <typename T>
  T get(const char* name) {
    taken_.insert(name);
    if (!values_.contains(name)) refuse(name, "is missing");
    const nanobind::object value = values_[name];
    // Python's bool is an int, and its int is good for a float.
    const bool flag = PyBool_Check(value.ptr());
    const bool convert = std::is_floating_point_v<T> && PyLong_Check(value.ptr());
    T result{};
    if (flag != std::is_same_v<T, bool> || !nanobind::try_cast<T>(value, result, convert))
      refuse(name, "has another type or range: " + std::string(nanobind::repr(value).c_str()));
    return result;
  }

  // The same, but `missing` if there is no such name.
  template <typename T>
  T get(const char* name, T missing) {
    return values_.contains(name) ? get<T>(name) : missing;
  }

  Fields section(const char* name) {
    return Fields(get<nanobind::dict>(name), section_ + '.' + name);
  }

  // Throws std::invalid_argument if there is a name that nothing has asked for.
  void refuse_others() const {
    for (const auto& [key, value] : values_) {
      const std::string name = nanobind::cast<std::string>(key);
      if (taken_.count(name) == 0) refuse(name, "is unknown");
    }
  }

 private:
  [[noreturn]] void refuse(const std::string& name, const std::string& why) const {
    throw std::invalid_argument(section_ + '.' + name + ' ' + why);
  }

  nanobind::dict values_;
  std::string section_;
  std::set<std::string> taken_;
};

}  // namespace aimc::native

#endif  // HARNESS_NATIVE_FIELDS_HH_
