#include "starling/systems/pinn/solve_spec.h"

#include "starling/systems/pinn/phases.h"

namespace starling::pinn {
namespace {

constexpr study::Range count{.minimum = 1, .maximum = 1e9};
constexpr study::Range positive{.minimum = 0, .open_minimum = true};

void describe_problem(study::Description& d, ProblemSpec& problem) {
  d.section("problem", "The equations, and what the solution is compared with.");
  d.text("equation", problem.equation,
         "statements a line each: equations, domain, conditions, param, learn, let, exact; see the "
         "documentation");
  d.choice("reference", problem.reference,
           {{"exact", ReferenceKind::exact},
            {"burgers", ReferenceKind::burgers},
            {"allen_cahn", ReferenceKind::allen_cahn},
            {"kuramoto_sivashinsky", ReferenceKind::kuramoto_sivashinsky},
            {"zabusky_kruskal", ReferenceKind::zabusky_kruskal},
            {"soliton", ReferenceKind::soliton},
            {"two_solitons", ReferenceKind::two_solitons},
            {"kovasznay", ReferenceKind::kovasznay},
            {"schroedinger", ReferenceKind::schroedinger},
            {"table", ReferenceKind::table}},
           "the known solution: what the text calls exact, if it does, a solver's, or a table");
  d.text("table", problem.table, "a file of the table: columns of the axes, then of the unknowns");
  d.text("data", problem.data, "a file of measurements to fit, of the same columns; empty for none");
  d.real("data_weight", problem.data_weight, positive, "of half their mean square");
  d.real("noise", problem.noise, {.minimum = 0},
         "standard deviation of the measurements; training ends once they are met to it; 0 when not known");
}

void describe_points(study::Description& d, PointsSpec& points) {
  d.section("points", "Where the equations and conditions are to hold.");
  d.integer("interior", points.interior, count, "points of the equations");
  d.integer("condition", points.condition, count, "points of each condition");
  d.real("condition_weight", points.condition_weight, positive, "of half the mean square of a condition");
  d.choice("sampling", points.sampling,
           {{"fixed", Sampling::fixed}, {"renewed", Sampling::renewed}, {"adaptive", Sampling::adaptive}},
           "whether the equations' points stay, move, or follow the residual");
  d.integer("renew_every", points.renew_every, count, "steps between new points; the curvature is kept");
  d.integer("pool", points.pool, count, "points that adaptive ones are drawn from");
  d.real("power", points.power, {.minimum = 0},
         "of the residual in the probability |r|^power / mean + offset");
  d.real("offset", points.offset, {.minimum = 0}, "of that probability; 0 forgets points of small residuals");
  d.real("causal", points.causal, {.minimum = 0},
         "weights of later times wait for earlier ones, exp(-causal * the mean squares before); 0 for none");
  d.integer("chunks", points.chunks, {.minimum = 2, .maximum = 1000},
            "of time, each with one such weight, set anew every renew_every steps");
  d.choice("form", points.form,
           {{"collocation", EquationForm::collocation}, {"variational", EquationForm::variational}},
           "the equations at points, or integrated by parts against test functions (hp-VPINN), on one or two "
           "axes");
  d.integers("elements", points.elements, {.minimum = 1, .maximum = 1000},
             "variational: equal parts of the domain along each axis, or one number for all");
  d.integer("tests", points.tests, {.minimum = 1, .maximum = 1000},
            "variational: test functions of an element along an axis");
  d.integer("quadrature", points.quadrature, {.minimum = 0, .maximum = 2000},
            "variational: Gauss points of an element along an axis, at least tests + 12; 0 for tests + 16");
}

void describe_solver(study::Description& d, SolverSpec& solver) {
  d.section("train", "Adam first, then a method that reaches many digits.");
  d.choice(
      "first", solver.first, rule_names(),
      "the first-order method that comes first; Muon's family, shampoo and soap take the hidden matrices");
  d.integer("adam_steps", solver.adam_steps, {.minimum = 0, .maximum = 1e9}, "steps of it");
  d.real("adam_rate", solver.adam_rate, positive, "its rate, of matrices where the method takes them");
  d.choice("adam_decay", solver.adam_decay,
           {{"constant", optim::Decay::constant}, {"cosine", optim::Decay::cosine}}, "of that rate, to 0");
  d.real("weight_decay", solver.weight_decay, {.minimum = 0},
         "decoupled, of first-order steps; adam with it is AdamW");
  d.choice("balance", solver.balance,
           {{"none", Balance::none}, {"gradients", Balance::gradients}, {"kernels", Balance::kernels}},
           "weights of the terms by the norms of their gradients or the traces of their tangent kernels, in "
           "those steps; they stay for the method that follows");
  d.integer("balance_every", solver.balance_every, count, "steps between new weights");
  d.choice("method", solver.method, method_names(),
           "what follows; all but lbfgs hold a matrix of the number of parameters squared");
  d.integer("steps", solver.steps, {.minimum = 0, .maximum = 1e9}, "its steps; rounding may end it before");
  d.integer("memory", solver.memory, {.minimum = 1, .maximum = 1000}, "pairs of lbfgs");
  d.text("schedule", solver.schedule,
         "phases in place of first, adam_steps, method and steps, each a name, its steps and the rate and "
         "decay of a first-order one: muon 500 0.02 cosine, adam 1000, ssbroyden 3000");
  d.integer("windows", solver.windows, {.minimum = 1, .maximum = 1000},
            "equal parts of the time, trained one after another, each from the end of the one before, with "
            "all phases");
  d.text(
      "curriculum", solver.curriculum,
      "values of params for the stages before the last, which has the equation's own, each with all phases, "
      "from the end of the one before: b 10 20 30, nu 0.1 0.03 0.01");
  d.choice("stop", solver.stop, {{"rest", Stop::rest}, {"held_out", Stop::held_out}},
           "where a training ends before its steps are done: at rest, or also once the loss at points held "
           "out no longer falls, with the best parameters");
  d.real("held_out", solver.held_out,
         {
             .minimum = 0.001,
             .maximum = 0.5,
         },
         "share of points and measurements that stop = \"held_out\" keeps from the training");
  d.integer("patience", solver.patience, count, "steps of the last phase without a fall of that loss");
  d.integer("checkpoint_every", solver.checkpoint_every, count, "steps between checkpoints");
  d.integer("measurements", solver.measurements, count, "times at which the error is measured");
}

}  // namespace

void describe(study::Description& d, SolveSpec& spec) {
  study::describe_common(d, spec.common);
  describe_problem(d, spec.problem);
  d.section("network", "A dense network from coordinates to unknowns, in double precision.");
  d.integer("width", spec.width, {.minimum = 1, .maximum = 4096}, "neurons of a hidden layer");
  d.integer("layers", spec.layers, {.minimum = 1, .maximum = 64}, "hidden layers");
  using A = nets::JetActivation;
  d.choice("activation", spec.activation,
           {{"tanh", A::tanh},
            {"sin", A::sin},
            {"softplus", A::softplus},
            {"gelu", A::gelu},
            {"silu", A::silu},
            {"erf", A::erf}},
           "of the hidden layers");
  d.integer("waves", spec.waves, {.minimum = 1, .maximum = 64}, "cosines and sines of a periodic axis");
  describe_points(d, spec.points);
  describe_solver(d, spec.solver);
}

}  // namespace starling::pinn
