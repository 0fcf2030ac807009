#include "starling/systems/pinn/weak_residual.h"

namespace starling::pinn {
namespace {

using Own = std::variant<std::unique_ptr<VariationalResidual>, std::unique_ptr<RectangleResidual>>;

Own make(const System& system, const WeakForm& form, const nets::JetNetwork& network, const WeakMesh& mesh) {
  if (system.axes.size() == 1) {
    const TestMesh own{.edges = mesh.edges[0], .tests = mesh.tests, .quadrature = mesh.quadrature};
    return std::make_unique<VariationalResidual>(system, form.x, form.source, network, own);
  }
  const RectangleMesh own{.elements = rectangles(mesh.edges[0], mesh.edges[1], system.holes),
                          .tests = mesh.tests,
                          .quadrature = mesh.quadrature};
  return std::make_unique<RectangleResidual>(system, form, network, own);
}

}  // namespace

WeakResidual::WeakResidual(const System& system, const WeakForm& form, const nets::JetNetwork& network,
                           const WeakMesh& mesh)
    : own_(make(system, form, network, mesh)) {}

std::ptrdiff_t WeakResidual::count() const {
  return std::visit([](const auto& own) { return own->count(); }, own_);
}

const std::vector<double>& WeakResidual::points() const {
  return std::visit([](const auto& own) -> const std::vector<double>& { return own->points(); }, own_);
}

void WeakResidual::values(std::span<const double> parameters, std::span<double> out) {
  std::visit([&](auto& own) { own->values(parameters, out); }, own_);
}

double WeakResidual::add_gradient(std::span<const double> parameters, double weight,
                                  std::span<double> gradient) {
  return std::visit([&](auto& own) { return own->add_gradient(parameters, weight, gradient); }, own_);
}

void WeakResidual::jacobian(std::span<const double> parameters, double factor, double* jacobian,
                            std::ptrdiff_t stride) {
  std::visit([&](auto& own) { own->jacobian(parameters, factor, jacobian, stride); }, own_);
}

double quadrature_error(const System& system, const WeakForm& form, const nets::JetNetwork& network,
                        const WeakMesh& mesh, std::span<const double> parameters) {
  WeakMesh finer = mesh;
  finer.quadrature = 2 * points_of_rule(mesh.tests, mesh.quadrature);
  WeakResidual coarse(system, form, network, mesh), fine(system, form, network, finer);
  return largest_change(coarse, fine, parameters);
}

}  // namespace starling::pinn
