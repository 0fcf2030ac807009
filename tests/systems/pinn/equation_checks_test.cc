#include "starling/systems/pinn/equation_checks.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::pinn {
namespace {

std::string said_of(const std::string& text, bool measured = false) {
  std::string out;
  for (const Remark& remark : remarks_on(parse_system(text), measured))
    out += std::to_string(remark.line) + ": " + remark.text + "\n";
  return out;
}

struct Doubt {
  const char* text;
  const char* said;  ///< empty for a problem that is well posed as far as the text shows
};
const Doubt doubts[] = {
    {"u_t = u_xx\ndomain x = 0..1, t = 0..1",
     "1: no condition: any solution of the equation will do; expected "
     "for example u(0, t) = 0"},
    {"u_t = u_xx\ndomain x = 0..1, t = 0..1\nu(0, t) = 0; u(1, t) = 0",
     "1: no condition gives 'u' at any time"},
    {"u_t = u_xx\ndomain x = 0..1, t = 0..1\nu(x, 0) = 0\nu(x, 0) = 1",
     "4: a second condition on what line 3 gives already"},
    {"u_t = u_xx\ndomain x = 0..1, t = 0..1\nu(x, 0) = 0\nu(2, t) = 1",
     "4: the condition holds at x = 2, outside the domain x = 0..1"},
    {"u_t = u_xx\nperiodic x\ndomain x = 0..1, t = 0..1\nu(x, 0) = 0\nu(1, t) = 1",
     "5: a condition at x = 1, where the solution is periodic"},
    {"unknowns u, v\nu_x = 0\ndomain x = 0..1\nu(0) = 0; v(0) = 0", "1: no equation reads the unknown 'v'"},
    {"unknowns u, v\nu_x = v\ndomain x = 0..1\nu(0) = 0; v(0) = 0",
     "2: fewer equations (1) than unknowns (2) leave some free"},
    {"u_x = 1\nu_xx = 2\ndomain x = 0..1\nu(0) = 0",
     "2: more equations (2) than unknowns (1) may contradict each other"},
    {"u_x = u/x\ndomain x = -1..1\nu(1) = 1", "1: a divisor vanishes within the domain, near x = 0"},
    {"u_x = u/(x - 0.3)\ndomain x = 0..1\nu(1) = 1",
     "1: a divisor vanishes within the domain, near x = 0.3125"},
    {"u_t = u_xx/(x + t + 1)\ndomain x = 0..1, t = 0..1\nu(x, 0) = 1; u(0, t) = 0; u(1, t) = 0", ""},
    {"u_t = u_xx\ndomain x = 0..1, t = 0..1\nu(x, 0) = 0 where x < 0.5\nu(x, 0) = 1 where x > 0.5", ""},
    {"u_tt = u_xx\ndomain x = 0..1, t = 0..1\nu(x, 0) = 0; u_t(x, 0) = 0; u(0, t) = 0; u(1, t) = 0", ""},
    {"unknowns n\nlet u = x*(1 - x)*n\nu_xx = -2\ndomain x = 0..1", ""},
};

TEST(EquationChecks, TellWhatCannotBeMeantWithItsLine) {
  for (const Doubt& doubt : doubts) {
    const std::string said = said_of(doubt.text);
    if (std::string(doubt.said).empty()) {
      EXPECT_EQ(said, "") << doubt.text;
    } else {
      EXPECT_NE(said.find(doubt.said), std::string::npos) << doubt.text << "\n  said " << said;
    }
  }
}

TEST(EquationChecks, LetMeasurementsStandForConditions) {
  EXPECT_EQ(said_of("u_t = u_xx\ndomain x = 0..1, t = 0..1", true), "");
}

}  // namespace
}  // namespace starling::pinn
