#pragma once
#include <optional>
#include <string>
#include <vector>

#include "starling/nets/jets.h"
#include "starling/systems/pinn/equation.h"
#include "starling/systems/pinn/solve_spec.h"

namespace starling::pinn {

/// Rows of a file: points (n, axes), and values of quantities, one vector (n) each.
struct Measurements {
  std::vector<double> points{};
  std::vector<std::vector<double>> values{};
};

/// What a solve job solves: the system of the spec's text, the network that is to satisfy it, and what it is
/// compared with. Nothing in it changes.
class Problem {
 public:
  /// Error{usage} with the place in the text, for a missing domain, for axes or a domain that a reference
  /// does not know; Error{input} for files that cannot be read.
  explicit Problem(const SolveSpec& spec);

  const System& system() const { return system_; }
  /// What the stages of `train.curriculum` solve before, the last of them the system itself.
  std::int64_t stages() const { return static_cast<std::int64_t>(earlier_.size()) + 1; }
  const System& system_of(std::int64_t stage) const {
    return stage + 1 == stages() ? system_ : earlier_[static_cast<std::size_t>(stage)];
  }
  const nets::JetNetwork& network() const { return network_; }
  /// What a solution is asked for: definitions that read an unknown, then the unknowns.
  const std::vector<Definition>& quantities() const { return quantities_; }
  const Measurements& data() const { return data_; }
  /// Windows of time, and the nodes that each takes over from the one before; see windows.h.
  std::int64_t windows() const { return windows_; }
  const std::vector<int>& carried() const { return carried_; }
  /// Of one window.
  std::size_t parameter_count() const {
    return static_cast<std::size_t>(network_.parameter_count()) + system_.learned.size();
  }

  /// Values of each quantity where they are known; `reference_points` is a grid, or the table's.
  const std::vector<double>& reference_points() const { return reference_points_; }
  std::vector<std::optional<std::vector<double>>> reference(std::span<const double> points) const;
  const std::vector<std::optional<std::vector<double>>>& reference() const { return reference_; }
  bool has_reference() const;
  bool reference_is_table() const { return kind_ == ReferenceKind::table; }

 private:
  Measurements read(const std::string& path, const char* key) const;
  std::vector<double> column(std::span<const double> points, const std::string& axis) const;

  ReferenceKind kind_;
  std::int64_t windows_;
  System system_;
  std::vector<System> earlier_;  // stages before the last
  nets::JetNetwork network_;
  std::vector<Definition> quantities_;
  Measurements data_;
  std::vector<int> carried_;
  std::vector<double> reference_points_;
  std::vector<std::optional<std::vector<double>>> reference_;
};

}  // namespace starling::pinn
