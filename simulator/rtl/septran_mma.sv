// A weight-stationary matrix unit with double-buffered weights: i8 elements, i32 sums. Memories lie
// outside: scratchpad and accumulators answer a read in the cycle after it, and a read of
// accumulators sees the write of its own cycle.
module septran_mma
  import mma_types::*;
#(
    parameter int ROWS = 4,
    parameter int COLS = 4
) (
    input logic clk,
    input logic reset,
    // A product, taken in a cycle in which valid and ready meet.
    input logic command_valid,
    output logic command_ready,
    input logic [3:0] command_tag,
    input logic [31:0] command_m,
    input logic [31:0] command_n,
    input logic [31:0] command_k,
    input logic command_accumulate,
    output logic busy,
    // Rows of B and of A out of the scratchpad.
    output logic weight_read,
    output logic [3:0] weight_tag,
    output logic [31:0] weight_row,
    output logic [31:0] weight_col,
    input logic [COLS-1:0][7:0] weight_data,
    output logic element_read,
    output logic [3:0] element_tag,
    output logic [31:0] element_row,
    output logic [31:0] element_col,
    input logic [ROWS-1:0][7:0] element_data,
    // Rows of the accumulators: the old sums, then the new ones.
    output logic sum_read,
    output logic [3:0] sum_read_tag,
    output logic [31:0] sum_read_row,
    output logic [31:0] sum_read_col,
    input logic [COLS-1:0][31:0] sum_old,
    output logic sum_write,
    output logic [3:0] sum_tag,
    output logic [31:0] sum_row,
    output logic [31:0] sum_col,
    output logic [31:0] sum_lanes,
    output logic [COLS-1:0][31:0] sum_new,
    output logic sum_last  // this write ends the product
);
  logic [ROWS-1:0][7:0] elements;
  logic [COLS-1:0][7:0] weights;
  logic [COLS-1:0][31:0] sums;
  logic bank, load, load_bank;
  result_t entering;

  feeders #(.ROWS(ROWS), .COLS(COLS)) feeders_unit (
      .clk, .reset, .command_valid, .command_ready,
      .command({command_tag, command_m, command_n, command_k, command_accumulate}), .busy,
      .weight_read, .weight_tag, .weight_row, .weight_col, .weight_data,
      .element_read, .element_tag, .element_row, .element_col, .element_data,
      .elements, .bank, .load, .load_bank, .weights, .result(entering)
  );

  array #(.ROWS(ROWS), .COLS(COLS)) array_unit (
      .clk, .elements, .bank, .load, .load_bank, .weights, .sums
  );

  // Beside the array goes where the sums belong: the read a cycle ahead of them, the write with them.
  result_t reading, writing;
  delay #(.WIDTH($bits(result_t)), .CYCLES(ROWS + COLS - 2)) until_sums (
      .clk, .in(entering), .out(reading)
  );
  always_ff @(posedge clk) writing <= reading;

  always_comb begin
    sum_read = reading.valid && reading.add;
    sum_read_tag = reading.tag;
    sum_read_row = reading.row;
    sum_read_col = reading.col;
    sum_write = writing.valid;
    sum_tag = writing.tag;
    sum_row = writing.row;
    sum_col = writing.col;
    sum_lanes = writing.lanes;
    sum_last = writing.valid && writing.last;
    for (int c = 0; c < COLS; ++c) sum_new[c] = sums[c] + (writing.add ? sum_old[c] : '0);
  end
endmodule
