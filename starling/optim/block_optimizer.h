#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "starling/optim/adamw.h"
#include "starling/optim/lion.h"
#include "starling/optim/muon.h"
#include "starling/optim/sgd.h"
#include "starling/optim/shampoo.h"

namespace starling::optim {

/// The optimisers that a trainer offers by name.
enum class Rule { adamw, muon, normuon, adamuon, scion, shampoo, soap, lion, sgd };

/// Every rule with its name in specs, the default first.
const std::vector<std::pair<std::string, Rule>>& rules();

/// Error{usage} for another name.
Rule rule_named(std::string_view name);

/// Whether a rule steps matrices as such, and leaves the rest to AdamW.
bool takes_matrices(Rule rule);

struct TrainerSpec {
  Rule rule = Rule::adamw;
  AdamWSpec adam{};  ///< also Lion's, Shampoo's and SOAP's betas, everyone's decay, and what is left to AdamW
  double momentum = 0.95;  ///< of Muon's family and sgd
  bool nesterov = true;    ///< of Muon's family but Scion
  double epsilon = 0.5;    ///< of the regularised map, in units of the root mean square singular value
  double others = 0.05;    ///< rate of what a matrix rule leaves to AdamW, over the rate of its matrices
};

/// What its matrices are stepped by, of a rule of Muon's family.
MuonSpec muon_spec(const TrainerSpec& spec);

/// One tensor of the flat parameter vector, and whether a matrix rule takes it: then as `batch` matrices, one
/// after another.
struct TrainedBlock {
  std::string name;
  base::Index offset = 0, rows = 0, columns = 0;
  bool is_matrix = false;
  base::Index batch = 1;

  std::size_t size() const { return static_cast<std::size_t>(batch * rows * columns); }
};

/// One optimiser over a flat vector of named blocks, with all that it remembers.
template <class T>
class BlockOptimizer {
 public:
  /// Blocks lie in order, without gaps, and cover `count` parameters. Errors as Muon's.
  BlockOptimizer(const TrainerSpec& spec, const std::vector<TrainedBlock>& blocks, base::Index count);

  /// One step in place. Error{numerical} for a gradient that a matrix rule finds not finite.
  void step(double rate, std::span<T> parameters, std::span<const T> gradient);

  /// All that the next step depends on, by name, to be saved and restored in place.
  std::vector<std::pair<std::string, std::span<T>>> state();
  std::int64_t steps() const { return steps_; }
  void restore_steps(std::int64_t steps);

 private:
  struct Matrix {
    TrainedBlock block;
    std::variant<Muon<T>, Shampoo<T>, Soap<T>> rule;
  };
  void add(const TrainedBlock& block);
  struct Rest {
    std::string name;
    std::size_t offset, size;
    AdamWState<T> adam;
  };

  TrainerSpec spec_;
  std::vector<Matrix> matrices_;
  std::vector<Rest> rest_;  // neighbours that are no matrices, together; all of it for AdamW
  LionState<T> lion_{0};
  SgdState<T> sgd_{0};
  std::int64_t steps_ = 0;
};

extern template class BlockOptimizer<float>;
extern template class BlockOptimizer<double>;

}  // namespace starling::optim
