#include "starling/systems/pinn/equation.h"

#include <gtest/gtest.h>

#include <string>

#include "starling/base/error.h"
#include "starling/base/random.h"

namespace starling::pinn {
namespace {

std::string error_of(const std::string& text, const ParseOptions& options = {}) {
  try {
    (void)parse_system(text, options);
  } catch (const base::Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Equation, BurgersIsOfDegreeTwoAndOrderTwo) {
  const System system = parse_system("u_t + u*u_x - nu*u_xx = 0", {.parameters = {{"nu", 0.1}}});
  EXPECT_EQ(system.axes, (std::vector<std::string>{"x", "t"}));
  EXPECT_EQ(system.unknowns, (std::vector<std::string>{"u"}));
  EXPECT_EQ(system.degree(), 2);
  EXPECT_EQ(system.order(), 2);
  EXPECT_EQ(system.graph.symbols().size(), 4U);
}

TEST(Equation, DegreeAndOrderFollowTheText) {
  const auto both = [](const char* text) {
    const System system = parse_system(text);
    return std::pair(system.degree(), system.order());
  };
  EXPECT_EQ(both("u_xx = sin(x)"), std::pair(1.0, 2));
  EXPECT_EQ(both("u_t + u_xxxx + u_xx + u*u_x"), std::pair(2.0, 4));
  EXPECT_EQ(both("u_t - u^3*u_x^2 + u"), std::pair(5.0, 1));
  EXPECT_EQ(both("u_tt - u_xx + sin(u)"), std::pair(Graph::not_polynomial, 2));
  EXPECT_EQ(both("u_x/(1 + x^2) = u^2/2"), std::pair(2.0, 1));
  EXPECT_EQ(both("1/u + u_x"), std::pair(Graph::not_polynomial, 1));
}

TEST(Equation, ASystemNamesItsUnknownsAxesAndConditions) {
  const System system = parse_system(R"(
    unknowns u, v, p      # Kovasznay
    param Re = 40
    u*u_x + v*u_y + p_x - (u_xx + u_yy)/Re = 0
    u*v_x + v*v_y + p_y - (v_xx + v_yy)/Re
    u_x + v_y = 0
    domain x = -0.5..1, y = -0.5 .. 1.5
    hole x = 0..0.1, y = 0..0.1
    periodic y
    u(-0.5, y) = 1 - cos(2*pi*y) where y > 0 and y <= 1
    p_x(1, y) = 2*u
  )");
  EXPECT_EQ(system.unknowns, (std::vector<std::string>{"u", "v", "p"}));
  EXPECT_EQ(system.axes, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(system.equations.size(), 3U);
  EXPECT_EQ(system.equations[1].line, 5);
  ASSERT_EQ(system.conditions.size(), 2U);
  EXPECT_EQ(system.conditions[0].held[0], -0.5);
  EXPECT_FALSE(system.conditions[0].held[1].has_value());
  EXPECT_EQ(system.conditions[0].where.size(), 2U);
  EXPECT_EQ(system.domain->high[1], 1.5);
  EXPECT_EQ(system.holes.size(), 1U);
  EXPECT_EQ(system.periodic, (std::vector<bool>{false, true}));
}

TEST(Equation, CoefficientsAreLearnedFromAStart) {
  const System system = parse_system("learn k init 1/2 positive; learn c; u_t = k*u_xx + c*u");
  ASSERT_EQ(system.learned.size(), 2U);
  EXPECT_EQ(system.learned[0].initial, 0.5);
  EXPECT_TRUE(system.learned[0].positive);
  EXPECT_EQ(system.learned[1].initial, 1);
  EXPECT_EQ(system.degree(), 1);
}

TEST(Equation, PowersBindStrongerThanSignsAndFromTheRight) {
  const auto value = [](const std::string& text) {
    return parse_system("param a = " + text + "; u = a").parameters.at("a");
  };
  EXPECT_EQ(value("-3^2"), -9);
  EXPECT_EQ(value("2^3^2"), 512);
  EXPECT_EQ(value("2**-1"), 0.5);
  EXPECT_EQ(value("7 - 2 - 1"), 4);
  EXPECT_EQ(value("8/4/2"), 1);
  EXPECT_EQ(value("1.5e1 + .5"), 15.5);
  EXPECT_EQ(value("2*(1 + 2)"), 6);
}

// 40 slips: what is said, and where.
struct Slip {
  const char* text;
  const char* message;
};
const Slip slips[] = {
    {"u_t + w = 0", "equation:1:7: unknown name 'w'"},
    {"u_t = nuu*u_xx; param nu = 1", "equation:1:7: unknown name 'nuu'"},
    {"param nu = 1; u_t = nuu*u_xx", "equation:1:21: unknown name 'nuu'; did you mean 'nu'?"},
    {"u_xxxxx = 0", "equation:1:1: 'u_xxxxx' is a derivative of order 5; expected at most 4"},
    {"u_t = (u_x", "equation:1:11: the statement ends; expected ')' for the '(' of 1:7"},
    {"u_t = u_x)", "equation:1:10: ')' is left over; expected the end of the statement"},
    {"u_t = ", "equation:1:7: the statement ends; expected a number, a name or '('"},
    {"u_t = 3 *", "equation:1:10: the statement ends"},
    {"u_t = u_x/0", "equation:1:10: division by zero"},
    {"u_t = u_x*0^-1", "equation:1:12: division by zero"},
    {"u_t = log(-1)", "equation:1:7: 'log' gives"},
    {"u_t = sqrt(0 - 2)*u", "expected a finite number"},
    {"u_t = 1e999", "equation:1:7: the number 1e999 is out of range"},
    {"u_t = $", "equation:1:7: '$' has no meaning here"},
    {"u_t = \x01", "equation:1:7: byte 0x01 has no meaning here"},
    {"u_t == 0", "equation:1:6: '='; expected a number, a name or '('"},
    {"u_t = 0 = 1", "equation:1:9: '=' is left over"},
    {"u_t u_x", "equation:1:5: 'u_x'; expected an operator, '=' or the end of the statement"},
    {"sin x + u_t", "equation:1:5: 'x'; expected '(' after the function 'sin'"},
    {"sni(x) + u_t", "equation:1:1: unknown name 'sni'; did you mean 'sin'?"},
    {"", "equation:1:1: no equation"},
    {"# nothing", "no equation"},
    {"x + 1 = 0", "equation:1:1: no unknown in this equation; expected u"},
    {"u_xq + u_y", "equation:1:1: no axis 'x' in 'u_xq'; the axes are y"},
    {"axes x, t; u_xq + u_t", "equation:1:12: no axis 'q' in 'u_xq'; the axes are x, t"},
    {"unknowns u, u; u_x", "equation:1:13: 'u' is named twice"},
    {"unknowns u_x; u_x", "equation:1:10: the name 'u_x' has a _"},
    {"unknowns sin; u_x", "equation:1:10: the name 'sin' is taken by the language"},
    {"unknowns 3; u_x", "equation:1:10: '3'; expected a name"},
    {"axes xx; u_x", "axis 'xx'; expected one letter"},
    {"param k; u_x = k", "equation:1:7: parameter 'k' has no value; expected param k = number"},
    {"param k = x; u_x = k", "equation:1:11: a parameter must be a number"},
    {"learn k init -1 positive; u_x = k", "equation:1:7: 'k' starts at -1; expected a positive number"},
    {"learn k; learn k; u_x = k", "equation:1:16: 'k' is named twice"},
    {"domain x = 1..0; u_x", "equation:1:8: x = 1..0; expected the lower end first"},
    {"domain x = 0..1; u_x + u_t", "equation:1:1: the domain has no range of t; expected t = low..high"},
    {"domain q = 0..1; u_x", "equation:1:8: no axis 'q'"},
    {"domain x = 0, 1; u_x", "equation:1:13: ','; expected '..'"},
    {"u_t = u_x\nu(x) = 0", "equation:2:4: ')'; expected ','"},
    {"u_t = u_x\nu(x, 0, 1) = 0", "equation:2:7: ','; expected ')' after one argument for each of the axes"},
    {"u_t = u_x\nu(t, 0) = 0", "equation:2:3: argument 1 of 'u' must be the axis x or a number"},
    {"u_t = u_x\nu(x, 0) = 0 where x", "expected < or >"},
    {"u_t = u_x\nu(x, 0) = 0 where u > 0", "a place cannot depend on an unknown"},
    {"laplacian(u)_x", "equation:1:13: '_' has no meaning here"},
    {"let w = u_xxx; w_xx + u", "equation:1:16: a derivative of order 5; expected at most 4"},
    {"u_ = u_x", "equation:1:1: 'u_' ends in _; expected axes after it, as in u_x"},
};

TEST(Equation, EverySlipIsToldWithItsPlaceAndARemedy) {
  for (const Slip& slip : slips)
    EXPECT_NE(error_of(slip.text).find(slip.message), std::string::npos)
        << slip.text << "\n  said " << error_of(slip.text);
}

TEST(Equation, HostileTextIsRefused) {
  EXPECT_NE(error_of(std::string(70000, 'u')).find("at most 64 KiB"), std::string::npos);
  EXPECT_NE(error_of(std::string(1000, '(') + "u_x").find("nested deeper than 64"), std::string::npos);
  EXPECT_NE(error_of(std::string(1000, '-') + "u_x").find("nested deeper than 64"), std::string::npos);
  EXPECT_NE(error_of(std::string(100, 'u') + "_x").find("a name of more than 64 letters"), std::string::npos);
  std::string tower = "u_x";
  for (int i = 0; i < 200; ++i) tower += "^u";
  EXPECT_NE(error_of(tower).find("nested deeper than 64"), std::string::npos);
  std::string sum = "u_x";
  for (int i = 0; i < 5000; ++i) sum += "+sin(" + std::to_string(i) + "*u)";
  EXPECT_NE(error_of(sum).find("more than 1,000 operations deep"), std::string::npos);
  std::string nest = "let a = sin(u)\n";
  for (char c = 'b'; c < 'i'; ++c)
    nest +=
        std::string("let ") + c + " = " + static_cast<char>(c - 1) + "_x*" + static_cast<char>(c - 1) + "\n";
  EXPECT_NE(error_of(nest + "u_x = h").find("order 5"), std::string::npos);
}

// Pieces of the language in random order: every text ends in a system or in an error with a place.
TEST(Equation, RandomTextEndsInASystemOrAnErrorWithAPlace) {
  const std::vector<std::string> pieces{
      "u",        "u_x",      "u_xxyy",    "v_t",        "x",     "t",     "+",   "-",   "*",
      "/",        "^",        "(",         ")",          "=",     ",",     "..",  "3",   "0",
      "1e5",      "sin",      "laplacian", "biharmonic", "param", "learn", "let", "w",   "w_x",
      "domain",   "periodic", "hole",      "unknowns",   "axes",  "where", "and", "<",   "init",
      "positive", "\n",       ";",         " ",          "#",     "pi",    "_",   "\xFF"};
  base::Stream stream(3, 0, "fuzz");
  int systems = 0;
  for (int round = 0; round < 40000; ++round) {
    std::string text;
    for (std::uint64_t i = 0; i < 2 + stream.below(16); ++i)
      text += pieces[stream.below(pieces.size())] + (stream.below(3) == 0 ? " " : "");
    const std::string said = error_of(text);
    if (said == "no error") {
      ++systems;
    } else {
      ASSERT_TRUE(said.starts_with("equation:")) << text << "\n" << said;
    }
  }
  EXPECT_GT(systems, 100);
}

}  // namespace
}  // namespace starling::pinn
