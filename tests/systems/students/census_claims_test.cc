#include "starling/systems/students/census_claims.h"

#include <gtest/gtest.h>

#include <set>

#include "study/claims_test.h"

namespace starling::students {
namespace {

using study::Claim;
using study::Verdict;

class CensusClaims : public study::testing::Scratch {
 protected:
  Claim recorded(const std::string& id) {
    for (const Claim& claim : store_.claims()) {
      if (claim.id == id) return claim;
    }
    ADD_FAILURE() << "no claim " << id;
    return {};
  }
  study::Store store_{folder_ / "made.db"};
};

CensusClass made(Label label, Kind kind, double loss, std::int64_t count) {
  CensusClass out;
  out.point.label = label;
  out.point.kind = kind;
  out.point.loss = loss;
  out.count = count;
  return out;
}

CensusResult result_of(base::Index n, std::vector<CensusClass> classes) {
  CensusResult out{.students = n};
  for (std::size_t c = 0; c < classes.size(); ++c)
    out.census.class_of.insert(out.census.class_of.end(), static_cast<std::size_t>(classes[c].count),
                               static_cast<std::int32_t>(c));
  out.census.classes = std::move(classes);
  return out;
}

TEST(CensusClaimsCatalogue, SaysWhereEachComesFromAndWhatWouldFailIt) {
  std::set<std::string> ids;
  for (const Claim& claim : census_claims()) {
    EXPECT_TRUE(ids.insert(claim.id).second) << claim.id;
    for (const std::string& text : {claim.statement, claim.source, claim.measured_as, claim.falsifier})
      EXPECT_FALSE(text.empty()) << claim.id;
    EXPECT_FALSE(claim.value);
  }
}

TEST_F(CensusClaims, StateTheirSourceTheirMeasureAndTheirFalsifierUnderDistinctNames) {
  study::testing::expect_well_stated(census_claims());
}

TEST_F(CensusClaims, OfACensusFollowFromItsClasses) {
  CensusSpec spec;
  record_census_claims(spec, result_of(2, {made(Label::minimum, Kind::copy_average, 0.056754527741, 1000)}),
                       store_);
  EXPECT_EQ(recorded("census.rest.n2").verdict, Verdict::holds);
  EXPECT_EQ(recorded("census.best.n2").verdict, Verdict::holds);
  EXPECT_EQ(recorded("census.copy-average-is-minimum.n2").verdict, Verdict::holds);
  EXPECT_EQ(recorded("census.all-reach-copy-average.n2").verdict, Verdict::holds);
  record_census_claims(spec,
                       result_of(4, {made(Label::minimum, Kind::perturbed_copy, 0.02, 700),
                                     made(Label::unpolished, Kind::other, 0.05, 300)}),
                       store_);
  EXPECT_EQ(recorded("census.rest.n4").verdict, Verdict::fails);
  EXPECT_EQ(recorded("census.best.n4").verdict, Verdict::fails);
  EXPECT_EQ(recorded("census.all-reach-copy-average.n4").verdict, Verdict::fails);
  record_census_claims(spec, result_of(3, {made(Label::minimum, Kind::copy_average, 0.040593177314, 5)}),
                       store_);
  EXPECT_EQ(recorded("census.all-reach-copy-average.n3").verdict, Verdict::inconclusive);
}

TEST_F(CensusClaims, OfTheoryHoldForErfAndJudgeTheThresholdByItsSize) {
  CensusSpec spec;
  spec.teachers = 50;
  record_theory_claims(spec, store_);
  EXPECT_EQ(recorded("copy-average.critical").verdict, Verdict::holds);
  EXPECT_EQ(recorded("copy-average.best").verdict, Verdict::holds);
  EXPECT_EQ(recorded("copy-average.loss").verdict, Verdict::holds);
  EXPECT_EQ(recorded("perturbed-copy.threshold").verdict, Verdict::holds);
  EXPECT_DOUBLE_EQ(*recorded("perturbed-copy.threshold").value, 0.44);
  spec.teachers = 400;
  record_theory_claims(spec, store_);
  EXPECT_EQ(recorded("perturbed-copy.threshold").verdict, Verdict::fails);
  spec.teachers = 5;
  record_theory_claims(spec, store_);
  EXPECT_EQ(recorded("perturbed-copy.threshold").verdict, Verdict::inconclusive);
}

TEST_F(CensusClaims, SeeTheConservationLawOfHomogeneousActivations) {
  CensusSpec spec;
  spec.activation = Activation::relu;
  spec.students = {2};
  record_theory_claims(spec, store_);
  EXPECT_EQ(recorded("conservation").verdict, Verdict::holds);
}

}  // namespace
}  // namespace starling::students
