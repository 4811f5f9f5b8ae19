// A row of the array: an element and its signals go from left to right, weights and sums down.
module array_row #(
    parameter int COLS = 4
) (
    input logic clk,
    input logic [7:0] element,
    input logic bank,
    input logic load,
    input logic load_bank,
    input logic [COLS-1:0][7:0] weights_in,
    input logic [COLS-1:0][31:0] sums_in,
    output logic [COLS-1:0][7:0] weights_out,
    output logic [COLS-1:0][31:0] sums_out
);
  /* verilator no_inline_module */  // compiled once for all rows
  // Between the columns; what leaves the last one goes nowhere.
  /* verilator lint_off UNUSEDSIGNAL */
  logic [COLS:0][7:0] elements;
  logic [COLS:0] banks, loads, load_banks;
  /* verilator lint_on UNUSEDSIGNAL */
  assign elements[0] = element;
  assign banks[0] = bank;
  assign loads[0] = load;
  assign load_banks[0] = load_bank;

  for (genvar c = 0; c < COLS; ++c) begin : gen_elements
    processing_element unit (
        .clk,
        .element_in(elements[c]), .bank_in(banks[c]),
        .load_in(loads[c]), .load_bank_in(load_banks[c]),
        .element_out(elements[c+1]), .bank_out(banks[c+1]),
        .load_out(loads[c+1]), .load_bank_out(load_banks[c+1]),
        .weight_in(weights_in[c]), .sum_in(sums_in[c]),
        .weight_out(weights_out[c]), .sum_out(sums_out[c])
    );
  end
endmodule
