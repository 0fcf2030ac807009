#pragma once
#include <span>

#include "starling/systems/students/flow_end.h"
#include "starling/systems/students/lane_problem.h"

namespace starling::students {

/// Follows dw/dt = -∂L/∂w, da/dt = -∂L/∂a from each student to its end, several students in the lanes of one
/// vector and chunks of students on all threads. `students` holds n (d + 1) numbers each, w row by row, then
/// a, and is overwritten by where they end. One `ends` entry each. The bytes depend neither on the number of
/// threads nor on a student's neighbours.
void settle(const LaneProblem& problem, const FlowOptions& options, std::span<double> students,
            std::span<FlowResult> ends);

/// The gradient of the loss at each student, in the layout of the students (zero for outgoing weights that
/// are fixed).
void batch_gradient(const LaneProblem& problem, std::span<const double> students, std::span<double> out);

/// The Hessian at each student, full and row by row, (P, P) with P = problem.parameters().
void batch_hessian(const LaneProblem& problem, std::span<const double> students, std::span<double> out);

}  // namespace starling::students
