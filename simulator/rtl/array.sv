// ROWS x COLS processing elements with the delays around them: whole rows of A and of weights enter
// in one cycle, whole rows of sums leave in one, ROWS + COLS - 1 cycles later.
module array #(
    parameter int ROWS = 4,
    parameter int COLS = 4
) (
    input logic clk,
    input logic [ROWS-1:0][7:0] elements,  // a row of A, an element a row of the array
    input logic bank,                      // the weights that it wants
    input logic load,                      // `weights` is a row of weights
    input logic load_bank,
    input logic [COLS-1:0][7:0] weights,
    output logic [COLS-1:0][31:0] sums
);
  // Into each row from above; the last one's sums leave the array, its weights go nowhere.
  /* verilator lint_off UNUSEDSIGNAL */
  logic [ROWS:0][COLS-1:0][7:0] weight;
  /* verilator lint_on UNUSEDSIGNAL */
  logic [ROWS:0][COLS-1:0][31:0] sum;
  assign sum[0] = '0;

  for (genvar c = 0; c < COLS; ++c) begin : gen_columns
    // Column c sees everything c cycles later.
    delay #(.WIDTH(8), .CYCLES(c)) skew (.clk, .in(weights[c]), .out(weight[0][c]));
    delay #(.WIDTH(32), .CYCLES(COLS - 1 - c)) align (.clk, .in(sum[ROWS][c]), .out(sums[c]));
  end

  for (genvar r = 0; r < ROWS; ++r) begin : gen_rows
    // A partial sum reaches row r after r cycles; element and signals meet it there.
    logic [10:0] in_time;
    delay #(.WIDTH(11), .CYCLES(r)) skew (
        .clk, .in({elements[r], bank, load, load_bank}), .out(in_time)
    );
    array_row #(.COLS(COLS)) row (
        .clk, .element(in_time[10:3]), .bank(in_time[2]), .load(in_time[1]),
        .load_bank(in_time[0]), .weights_in(weight[r]), .sums_in(sum[r]),
        .weights_out(weight[r+1]), .sums_out(sum[r+1])
    );
  end
endmodule
