// Integer expressions: canonical form, ranges, simplification, conditions and text.
#include "compiler/base/expr.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace septran {
namespace {

constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t greatest = std::numeric_limits<std::int64_t>::max();

TEST(FloorDiv, RoundsTowardsMinusInfinity) {
  EXPECT_EQ(floor_div(7, 2), 3);
  EXPECT_EQ(floor_div(-7, 2), -4);
  EXPECT_EQ(floor_div(-8, 2), -4);
  EXPECT_EQ(floor_div(least, greatest), -2);
  EXPECT_EQ(ceil_div(7, 2), 4);
  EXPECT_EQ(ceil_div(-7, 2), -3);
  EXPECT_EQ(ceil_div(-8, 2), -4);
  EXPECT_EQ(ceil_div(least, 1), least);
  EXPECT_EQ(ceil_div(greatest, 1), greatest);
  EXPECT_DEATH((void)floor_div(1, 0), "this is a bug in SepTran: check failed: divisor > 0");
}

TEST(FloorDiv, OfExpressionsFoldsConstants) {
  EXPECT_EQ(Expr::floor_div(-7, 2), Expr(-4));
  EXPECT_EQ(Expr::ceil_div(-7, 2), Expr(-3));
  EXPECT_EQ(Expr::mod(-7, 4), Expr(1));
  EXPECT_EQ(Expr::floor_div(least, 3), Expr(-3074457345618258603));
  EXPECT_EQ(Expr::mod(least, 3), Expr(1));
}

/// Variables i in 0..9, j in 3..i+3 and n in -5..5.
class ExprTest : public testing::Test {
 protected:
  std::string text(const Expr& e) const { return to_string(e, vars); }
  std::string text(const Cond& c) const { return to_string(c, vars); }

  VarTable vars;
  const VarId i_id = vars.add("i", 0, 10);
  const Expr i = Expr::var(i_id);
  const VarId j_id = vars.add("j", 3, i + 4);
  const Expr j = Expr::var(j_id);
  const VarId n_id = vars.add("n", -5, 6);
  const Expr n = Expr::var(n_id);
};

TEST_F(ExprTest, EqualFormsAreEqual) {
  EXPECT_EQ(i + j, j + i);
  EXPECT_EQ(i - i, Expr(0));
  EXPECT_EQ((i + 1) * 3 - 3, i * 3);
  EXPECT_EQ(i * 0, Expr(0));
  EXPECT_EQ(-(-i), i);
  EXPECT_NE(i, j);
  EXPECT_NE(i, i + 1);
  EXPECT_EQ(Expr::min(i, j), Expr::min(j, i));
  EXPECT_EQ(Expr::min(Expr::min(i, j), n), Expr::min(n, Expr::min(j, i)));
  EXPECT_EQ(Expr::min(Expr::min(i, j) + 2, n), Expr::min(n, Expr::min(j + 2, i + 2)));
  EXPECT_NE(Expr::min(i, j), Expr::max(i, j));
  EXPECT_EQ(Expr::mod(i + 8, 4), Expr::mod(i, 4));
  EXPECT_EQ(Expr::floor_div(i * 64 + j, 64), i + Expr::floor_div(j, 64));
  EXPECT_EQ(Expr::floor_div(i + 7, 4), Expr::floor_div(i + 3, 4) + 1);
  EXPECT_EQ(Expr::floor_div(i - 1, 4), Expr::floor_div(i + 3, 4) - 1);
  EXPECT_EQ(Expr::floor_div(Expr::floor_div(i, 4), 8), Expr::floor_div(i, 32));
  EXPECT_EQ(Expr::floor_div(i, 1), i);
  EXPECT_EQ(Expr::mod(i * 8, 4), Expr(0));
}

TEST_F(ExprTest, OrderIsTotalAndAgreesWithEquality) {
  const std::vector<Expr> all{0,
                              1,
                              i,
                              i + 1,
                              i * 2,
                              j,
                              i + j,
                              Expr::min(i, j),
                              Expr::max(i, j),
                              Expr::floor_div(i, 2),
                              Expr::floor_div(i, 3)};
  for (std::size_t a = 0; a < all.size(); ++a) {
    for (std::size_t b = 0; b < all.size(); ++b) {
      EXPECT_EQ(all[a] == all[b], a == b);
      EXPECT_EQ((all[a] <=> all[b]) == std::strong_ordering::equal, a == b);
      EXPECT_EQ(all[a]<all[b], all[b]> all[a]);
    }
  }
}

TEST_F(ExprTest, ProductsNeedAConstantSide) {
  EXPECT_EQ(Expr::product(i + 1, 4), i * 4 + 4);
  EXPECT_EQ(Expr::product(4, i + 1), i * 4 + 4);
  EXPECT_EQ(Expr::product(i, j), std::nullopt);
}

TEST_F(ExprTest, ExtremaFoldWhatDiffersByAConstant) {
  EXPECT_EQ(Expr::min(3, -4), Expr(-4));
  EXPECT_EQ(Expr::max(3, -4), Expr(3));
  EXPECT_EQ(Expr::min(i, i + 1), i);
  EXPECT_EQ(Expr::max(i, i + 1), i + 1);
  EXPECT_EQ(Expr::min(Expr::min(i, j), i - 1), Expr::min(i - 1, j));
}

TEST_F(ExprTest, SubstitutesEveryOccurrence) {
  const Expr e = i * 2 + Expr::floor_div(i + j, 4) + Expr::min(i, n);
  EXPECT_TRUE(e.depends_on(i_id));
  const Expr s = e.substitute(i_id, n + 1);
  EXPECT_FALSE(s.depends_on(i_id));
  EXPECT_EQ(s, n * 2 + 2 + Expr::floor_div(n + j + 1, 4) + n);
  EXPECT_EQ(e.substitute([](VarId) { return Expr(5); }), Expr(10 + 2 + 5));
  std::vector<VarId> found;
  e.collect_vars(found);
  EXPECT_EQ(found.size(), 5U);
}

TEST_F(ExprTest, RangesOfTriangularLoopsAreExact) {
  EXPECT_EQ(vars.range(i), (Range{0, 9}));
  EXPECT_EQ(vars.range(j), (Range{3, 12}));
  EXPECT_EQ(vars.range(j - i), (Range{-6, 3}));  // j = 3, i = 9 and j = i + 3
  EXPECT_EQ(vars.range(i - j), (Range{-3, 6}));
  EXPECT_EQ(vars.range(n * -2 + 1), (Range{-9, 11}));
  EXPECT_EQ(vars.range(Expr::floor_div(n, 4)), (Range{-2, 1}));
  EXPECT_EQ(vars.range(Expr::max(n, i)), (Range{0, 9}));
  EXPECT_EQ(vars.range(Expr::min(n, 3) * -1), (Range{-3, 5}));
}

TEST_F(ExprTest, RangesOfRemainders) {
  VarTable vars;
  const Expr i = Expr::var(vars.add("i", 0, 100));
  const Expr j = Expr::var(vars.add("j", 0, 3));
  EXPECT_EQ(vars.range(Expr::mod(i * 7, 30)), (Range{0, 29}));
  EXPECT_EQ(vars.range(Expr::mod(i * 7, 30) * -2 + 5), (Range{-53, 5}));
  EXPECT_EQ(vars.range(Expr::mod(i + j, 12) + j), (Range{0, 13}));
  EXPECT_EQ(vars.range(Expr::mod(j, 4)), (Range{0, 2}));  // j itself says more
  EXPECT_EQ(vars.range(i - Expr::floor_div(i, 8) * 8 - Expr::mod(i, 8)), (Range{0, 0}));
}

TEST_F(ExprTest, RangesOfClippedBlocks) {
  // Blocks of 64 over 200 elements: 64, 64, 64 and 8.
  const Expr b = Expr::var(vars.add("b", 0, Expr::ceil_div(200, 64)));
  const Expr extent = Expr::min(64, Expr(200) - b * 64);
  EXPECT_EQ(vars.range(extent), (Range{8, 64}));
  EXPECT_EQ(vars.range(b * 64 + extent), (Range{64, 200}));
  EXPECT_EQ(vars.simplify(extent), extent);
  // Over 256 elements the minimum is decided.
  const Expr whole = Expr::min(64, Expr(256) - b * 64);
  EXPECT_EQ(vars.simplify(whole), Expr(64));
  // A loop over such a block stays within the tensor.
  const Expr e = Expr::var(vars.add("e", 0, extent));
  EXPECT_EQ(vars.range(b * 64 + e), (Range{0, 199}));
}

TEST_F(ExprTest, SimplifyDropsWhatRangesDecide) {
  EXPECT_EQ(vars.simplify(Expr::floor_div(i, 10)), Expr(0));
  EXPECT_EQ(vars.simplify(Expr::mod(i, 10)), i);
  EXPECT_EQ(vars.simplify(Expr::floor_div(i, 9)), Expr::floor_div(i, 9));
  EXPECT_EQ(vars.simplify(Expr::max(i, n - 5)), i);
  EXPECT_EQ(vars.simplify(Expr::min(j, i + 3)), j);
  const Expr one = Expr::var(vars.add("one", 7, 8));
  EXPECT_EQ(vars.simplify(one + i), i + 7);
}

TEST_F(ExprTest, KnownBoundsOfAValueAreUsed) {
  const VarId worker = vars.add("w", i * 4 + n, i * 4 + n + 1);
  vars[worker].bounds = Range{0, 3};
  EXPECT_EQ(vars.range(Expr::var(worker)), (Range{0, 3}));
  EXPECT_EQ(vars.simplify(Expr::floor_div(Expr::var(worker), 4)), Expr(0));
  EXPECT_EQ(vars.simplify(Expr::var(worker)), Expr::var(worker));
  vars[worker].bounds = Range{2, 2};
  EXPECT_EQ(vars.simplify(Expr::var(worker)), Expr(2));
}

TEST_F(ExprTest, RangesOfManyExtremaEndInTime) {
  Expr sum;
  for (int k = 0; k < 60; ++k) sum += Expr::min(i * (k + 2), j + k * 3);
  const Range range = vars.range(sum);
  EXPECT_LE(range.lo, sum.evaluate([&](VarId id) { return id == i_id ? 0 : 3; }));
  EXPECT_GE(range.hi, sum.evaluate([&](VarId id) { return id == i_id ? 9 : 12; }));
  EXPECT_LT(range.hi, 1'000'000);
  // Each variable's end has the two before it, so that bounds are in bounds are in bounds.
  Expr a = i;
  Expr b = j;
  for (int k = 0; k < 80; ++k) {
    const Expr next = Expr::var(vars.add("v", 0, Expr::max(a - 7, b - Expr::min(a, n)) + 2));
    a = b;
    b = next;
  }
  EXPECT_GE(vars.range(b).hi, 1);
}

TEST_F(ExprTest, HugeValuesAreUnknownNotWrapped) {
  const Expr huge = Expr::var(vars.add("huge", 0, std::int64_t{1} << 61));
  EXPECT_GE(vars.range(huge * 4).hi, std::int64_t{1} << 61);
  EXPECT_EQ(vars.range(huge * 4).lo, 0);
  EXPECT_LE(vars.range(huge * -4).lo, -(std::int64_t{1} << 61));
}

TEST_F(ExprTest, ConditionsFoldAndNegate) {
  EXPECT_EQ(Cond::ge(i + 1, i).constant(), true);
  EXPECT_EQ(Cond::lt(i, i).constant(), false);
  EXPECT_EQ(Cond::eq(i, i + 1).constant(), false);
  EXPECT_EQ(Cond::eq(i, j).constant(), std::nullopt);
  const Cond small = Cond::lt(i, 5);
  EXPECT_EQ(small.negated(), Cond::ge(i, 5));
  EXPECT_EQ(small.negated().negated(), small);
  const Cond same = Cond::eq(i, j);
  EXPECT_EQ(same.negated().kind(), Cond::Kind::negation);
  EXPECT_EQ(same.negated().negated(), same);
  EXPECT_EQ(Cond::all({true, small}), small);
  EXPECT_EQ(Cond::all({false, small}), Cond(false));
  EXPECT_EQ(Cond::any({true, small}), Cond(true));
  EXPECT_EQ(Cond::any({}), Cond(false));
  EXPECT_EQ(Cond::all({}), Cond(true));
  EXPECT_EQ(Cond::all({small, Cond::all({same, Cond::ge(n, 0)})}).parts().size(), 3U);
  EXPECT_EQ(Cond::all({small, same}).negated(), Cond::any({Cond::ge(i, 5), same.negated()}));
}

TEST_F(ExprTest, ConditionsAreDecidedByRanges) {
  EXPECT_EQ(Cond::lt(i, 10).decide(vars), true);
  EXPECT_EQ(Cond::lt(i, 9).decide(vars), std::nullopt);
  EXPECT_EQ(Cond::lt(i, 0).decide(vars), false);
  EXPECT_EQ(Cond::ge(i + 3, j).decide(vars), true);
  EXPECT_EQ(Cond::eq(i, n - 20).decide(vars), false);
  EXPECT_EQ(Cond::eq(Expr::floor_div(i, 10), 0).decide(vars), true);
  EXPECT_EQ(Cond::eq(i, n).decide(vars), std::nullopt);
  EXPECT_EQ(Cond::any({Cond::lt(i, 0), Cond::ge(j, 3)}).decide(vars), true);
  EXPECT_EQ(Cond::eq(i, n - 20).negated().decide(vars), true);
  std::vector<VarId> found;
  Cond::any({Cond::lt(i, n), Cond::eq(j, 4).negated()}).collect_vars(found);
  EXPECT_EQ(found.size(), 3U);
}

TEST_F(ExprTest, PrintsAsPeopleWrite) {
  EXPECT_EQ(text(Expr(-3)), "-3");
  EXPECT_EQ(text(i * 64 + j - 1), "64*i + j - 1");
  EXPECT_EQ(text(-i - j * 2), "-i - 2*j");
  EXPECT_EQ(text(Expr::floor_div(i, 4)), "i // 4");
  EXPECT_EQ(text(Expr::floor_div(i + 1, 4) * 3), "3*((i + 1) // 4)");
  EXPECT_EQ(text(-Expr::floor_div(i, 4)), "-(i // 4)");
  EXPECT_EQ(text(i - Expr::floor_div(j, 4)), "i - (j // 4)");
  EXPECT_EQ(text(Expr::mod(i, 4)), "i % 4");
  EXPECT_EQ(text(Expr::mod(i + j, 4) + 2), "(i + j) % 4 + 2");
  EXPECT_EQ(text(Expr::mod(i, 4) * 8 + j), "8*(i % 4) + j");
  EXPECT_EQ(text(Expr::min(64, Expr(200) - i * 64)), "min(64, -64*i + 200)");
  EXPECT_EQ(text(Expr::max(i, n) * 2), "2*max(i, n)");
  EXPECT_EQ(text(Cond::lt(i, 4)), "-i + 3 >= 0");
  EXPECT_EQ(text(Cond::eq(i, j).negated()), "not (i - j == 0)");
  EXPECT_EQ(text(Cond::any({Cond::eq(i, 1), Cond::all({Cond::ge(i, 2), Cond::ge(j, 3)})})),
            "i - 1 == 0 or (i - 2 >= 0 and j - 3 >= 0)");
  EXPECT_EQ(text(Cond(true)), "true");
  EXPECT_EQ(text(Expr(least) + i), "i - 9223372036854775808");
  EXPECT_EQ(text(i * least), "-9223372036854775808*i");
}

/// A small generator, the same on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2654435761U + 88172645463325252U) {}
  std::int64_t below(std::int64_t bound) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::int64_t>(state_ % static_cast<std::uint64_t>(bound));
  }

 private:
  std::uint64_t state_;
};

/// A value computed beside the expression that says it, at one point.
struct Pair {
  Expr expr;
  std::function<std::int64_t(const std::vector<std::int64_t>&)> value;
};

Pair random_pair(Random& random, std::uint32_t var_count, int depth) {
  const std::int64_t choice = depth == 0 ? random.below(2) : random.below(9);
  if (choice == 0) {
    const std::int64_t c = random.below(41) - 20;
    return {c, [c](const auto&) { return c; }};
  }
  if (choice == 1) {
    const VarId id{static_cast<std::uint32_t>(random.below(var_count))};
    return {Expr::var(id), [id](const auto& at) { return at[id.value]; }};
  }
  const Pair a = random_pair(random, var_count, depth - 1);
  if (choice <= 4) {
    const std::int64_t c = random.below(6) + 1;
    if (choice == 2) {
      return {a.expr * (c - 3), [=](const auto& at) { return a.value(at) * (c - 3); }};
    }
    if (choice == 3) {
      return {Expr::floor_div(a.expr, c), [=](const auto& at) {
                const std::int64_t x = a.value(at);
                return x >= 0 ? x / c : -((-x + c - 1) / c);
              }};
    }
    return {Expr::mod(a.expr, c), [=](const auto& at) { return ((a.value(at) % c) + c) % c; }};
  }
  const Pair b = random_pair(random, var_count, depth - 1);
  switch (choice) {
    case 5:
      return {a.expr + b.expr, [=](const auto& at) { return a.value(at) + b.value(at); }};
    case 6:
      return {a.expr - b.expr, [=](const auto& at) { return a.value(at) - b.value(at); }};
    case 7:
      return {Expr::min(a.expr, b.expr),
              [=](const auto& at) { return std::min(a.value(at), b.value(at)); }};
    default:
      return {Expr::max(a.expr, b.expr),
              [=](const auto& at) { return std::max(a.value(at), b.value(at)); }};
  }
}

/// Calls `visit` with the values of the variables at every iteration of the nest.
template <typename F>
void for_each_point(const VarTable& vars, std::vector<std::int64_t>& at, const F& visit) {
  if (at.size() == vars.size()) return visit();
  const VarInfo& info = vars[VarId{static_cast<std::uint32_t>(at.size())}];
  const auto value = [&](VarId id) { return at[id.value]; };
  const std::int64_t begin = info.begin.evaluate(value);
  const std::int64_t end = info.end.evaluate(value);
  for (std::int64_t x = begin; x < end; ++x) {
    at.push_back(x);
    for_each_point(vars, at, visit);
    at.pop_back();
  }
}

class ExprProperty : public testing::TestWithParam<int> {};

TEST_P(ExprProperty, SimplifiedAndSubstitutedMeanTheSame) {
  for (int seed = 0; seed < 100; ++seed) {
    Random random(static_cast<std::uint64_t>(GetParam() * 100 + seed));
    VarTable vars;
    vars.add("i", random.below(5) - 2, 4);
    for (const char* name : {"j", "k"}) {
      const auto outer = static_cast<std::uint32_t>(vars.size());
      const Expr begin = random_pair(random, outer, 1).expr;
      vars.add(name, begin, Expr::min(begin + 4, random_pair(random, outer, 2).expr));
    }
    const Pair pair = random_pair(random, 3, 4);
    const Pair other = random_pair(random, 3, 2);
    const Expr& e = pair.expr;
    const Expr simple = vars.simplify(e);
    const Expr replaced = e.substitute(VarId{1}, other.expr);
    const Range range = vars.range(e);
    const Cond cond = Cond::any({Cond::ge(e, other.expr), Cond::eq(e, 3).negated()});
    const Cond negated = cond.negated();
    const Cond simple_cond = cond.simplify(vars);
    SCOPED_TRACE(to_string(e, vars));
    std::vector<std::int64_t> at;
    for_each_point(vars, at, [&] {
      const auto value = [&](VarId id) { return at[id.value]; };
      const std::int64_t expected = pair.value(at);
      ASSERT_EQ(e.evaluate(value), expected);
      ASSERT_EQ(simple.evaluate(value), expected) << to_string(simple, vars);
      ASSERT_LE(range.lo, expected);
      ASSERT_GE(range.hi, expected);
      const bool holds = expected >= other.value(at) || expected != 3;
      ASSERT_EQ(cond.evaluate(value), holds);
      ASSERT_EQ(negated.evaluate(value), !holds);
      ASSERT_EQ(simple_cond.evaluate(value), holds);
      std::vector<std::int64_t> moved = at;
      moved[1] = other.value(at);
      ASSERT_EQ(replaced.evaluate(value), pair.value(moved));
    });
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExprProperty, testing::Range(0, 10));

}  // namespace
}  // namespace septran
