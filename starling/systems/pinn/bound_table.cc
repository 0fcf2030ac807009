#include "starling/systems/pinn/bound_table.h"

#include <fmt/format.h>

#include <cmath>

namespace starling::pinn {
namespace {

std::string name_of(const System& system, const BoundTerm& term) {
  std::string name;
  for (const Symbol& symbol : term.factors) name += (name.empty() ? "" : "*") + symbol_name(system, symbol);
  return name;
}

std::string factors_of(const System& system, const BoundTerm& term, const BoundRow& row) {
  std::string out =
      fmt::format("|a| {:.3g}{} x B^{} {:.3g}", term.coefficient, term.assumed ? " (assumed)" : "",
                  term.factors.size(), std::pow(row.complexity.kernel_constant, term.factors.size()));
  for (const Symbol& symbol : term.factors) {
    const double norm = row.norms[std::min(static_cast<std::size_t>(symbol.order()), row.norms.size() - 1)];
    out += fmt::format(" x |{}| {:.3g}", symbol_name(system, symbol), norm);
  }
  return out + " / sqrt(n)";
}

}  // namespace

void record_row(study::Store& store, const std::string& task, const System& system, const BoundRow& row) {
  // 4 M R_n > M² says less than |r| <= M does.
  const auto record = [&](const std::string& name, double value, double most, const std::string& note) {
    const std::string verdict = value > most ? "vacuous" : "";
    store.record(study::Metric{.task = task,
                               .name = row.name + ": " + name,
                               .value = value,
                               .note = note + (note.empty() || verdict.empty() ? "" : "; ") + verdict});
  };
  for (const BoundTerm& term : row.complexity.terms)
    record("term " + name_of(system, term), term.value, row.largest / 4, factors_of(system, term, row));
  record("complexity bound", row.complexity.value, row.largest / 4,
         row.complexity.polynomial ? fmt::format("sum of the terms, {:g} points, a reconstruction", row.n)
                                   : fmt::format("of the majorant, {:g} points, a reconstruction", row.n));
  const GapBound gap = gap_bound(row.complexity.value, row.largest, row.n);
  record("gap bound", gap.total(), row.largest * row.largest,
         fmt::format("4 M R_n {:.3g} + 3 M^2 sqrt(ln(2/0.05)/2n) {:.3g}, M = {:.3g}", gap.complexity_part,
                     gap.confidence_part, row.largest));
}

}  // namespace starling::pinn
