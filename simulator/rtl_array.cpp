#include "simulator/rtl_array.h"

#include "simulator/simulator.h"

#ifdef SEPTRAN_HAS_RTL
#include <Vseptran_mma_16.h>
#include <Vseptran_mma_4.h>
#include <Vseptran_mma_8.h>
#endif

namespace septran::simulator {

#ifdef SEPTRAN_HAS_RTL
namespace {

template <int width>
std::int64_t number(const sc_core::sc_signal<sc_dt::sc_bv<width>>& signal) {
  return static_cast<std::int64_t>(signal.read().to_uint());
}

/// Numbers packed into a vector of bits, the first in the lowest.
template <int width, typename Number>
sc_dt::sc_bv<width> packed(const std::vector<Number>& numbers) {
  constexpr int per_word = static_cast<int>(sizeof(std::uint32_t) / sizeof(Number));
  constexpr int bits = static_cast<int>(8 * sizeof(Number));
  sc_dt::sc_bv<width> value;
  for (int word = 0; word < width / 32; ++word) {
    std::uint32_t all = 0;
    for (int i = 0; i < per_word; ++i) {
      const auto at = static_cast<std::size_t>(word * per_word + i);
      if (at >= numbers.size()) continue;
      all |= static_cast<std::uint32_t>(static_cast<std::make_unsigned_t<Number>>(numbers[at]))
             << (bits * i);
    }
    value.set_word(word, all);
  }
  return value;
}

/// `Model` is what Verilator made for an array of `size` x `size`.
template <typename Model, int size>
class Verilated : public RtlArray {
 public:
  Verilated() : model_("rtl") {
    model_.clk(clk_);
    model_.reset(reset_);
    model_.command_valid(command_valid_);
    model_.command_ready(command_ready_);
    model_.command_tag(command_tag_);
    model_.command_m(command_m_);
    model_.command_n(command_n_);
    model_.command_k(command_k_);
    model_.command_accumulate(command_accumulate_);
    model_.busy(busy_);
    bind(weight_, model_.weight_read, model_.weight_tag, model_.weight_row, model_.weight_col);
    model_.weight_data(weight_data_);
    bind(element_, model_.element_read, model_.element_tag, model_.element_row, model_.element_col);
    model_.element_data(element_data_);
    bind(sum_read_, model_.sum_read, model_.sum_read_tag, model_.sum_read_row, model_.sum_read_col);
    model_.sum_old(sum_old_);
    bind(sum_write_, model_.sum_write, model_.sum_tag, model_.sum_row, model_.sum_col);
    model_.sum_lanes(sum_lanes_);
    model_.sum_new(sum_new_);
    model_.sum_last(sum_last_);
  }
  Verilated(const Verilated&) = delete;
  Verilated& operator=(const Verilated&) = delete;
  ~Verilated() override { model_.final(); }

  void drive(const Inputs& inputs) override {
    reset_.write(inputs.reset);
    command_valid_.write(inputs.command.has_value());
    if (inputs.command) {
      command_tag_.write(inputs.command->tag);
      command_m_.write(static_cast<unsigned>(inputs.command->m));
      command_n_.write(static_cast<unsigned>(inputs.command->n));
      command_k_.write(static_cast<unsigned>(inputs.command->k));
      command_accumulate_.write(inputs.command->accumulate);
    }
    weight_data_.write(packed<8 * size>(inputs.weights));
    element_data_.write(packed<8 * size>(inputs.elements));
    sum_old_.write(packed<32 * size>(inputs.old_sums));
  }
  void clock(bool level) override { clk_.write(level); }

  [[nodiscard]] Outputs outputs() const override {
    return {command_ready_.read(), busy_.read(), access(weight_), access(element_),
            access(sum_read_)};
  }
  [[nodiscard]] SumWrite sum_write() const override {
    SumWrite write;
    static_cast<Access&>(write) = access(sum_write_);
    if (!write.valid) return write;
    write.lanes = number(sum_lanes_);
    write.last = sum_last_.read();
    const sc_dt::sc_bv<32 * size> sums = sum_new_.read();
    for (int i = 0; i < size; ++i) {
      write.sums.push_back(static_cast<std::int32_t>(sums.get_word(i)));
    }
    return write;
  }

 private:
  template <int width>
  using Bits = sc_core::sc_signal<sc_dt::sc_bv<width>>;
  using Wire = sc_core::sc_signal<bool>;
  struct Channel {
    Wire valid;
    Bits<4> tag;
    Bits<32> row;
    Bits<32> col;
  };
  template <typename Valid, typename Tag, typename Row, typename Col>
  static void bind(Channel& channel, Valid& valid, Tag& tag, Row& row, Col& col) {
    valid(channel.valid);
    tag(channel.tag);
    row(channel.row);
    col(channel.col);
  }
  static Access access(const Channel& channel) {
    if (!channel.valid.read()) return {};
    return {true, static_cast<unsigned>(number(channel.tag)), number(channel.row),
            number(channel.col)};
  }

  Model model_;
  Wire clk_, reset_, command_valid_, command_ready_, command_accumulate_, busy_, sum_last_;
  Bits<4> command_tag_;
  Bits<32> command_m_, command_n_, command_k_, sum_lanes_;
  Bits<8 * size> weight_data_, element_data_;
  Bits<32 * size> sum_old_, sum_new_;
  Channel weight_, element_, sum_read_, sum_write_;
};

}  // namespace

std::vector<int> rtl_sizes() { return {4, 8, 16}; }

std::unique_ptr<RtlArray> make_rtl_array(int rows, int cols) {
  if (rows != cols) return nullptr;
  if (rows == 4) return std::make_unique<Verilated<Vseptran_mma_4, 4>>();
  if (rows == 8) return std::make_unique<Verilated<Vseptran_mma_8, 8>>();
  if (rows == 16) return std::make_unique<Verilated<Vseptran_mma_16, 16>>();
  return nullptr;
}

#else

std::vector<int> rtl_sizes() { return {}; }
std::unique_ptr<RtlArray> make_rtl_array(int, int) { return nullptr; }

#endif

}  // namespace septran::simulator
