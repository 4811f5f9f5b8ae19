// One multiplier with two weights: one that it uses, one that is being loaded.
module processing_element (
    input logic clk,
    // From the left, and a cycle later on to the right: an element of A with the weight that it
    // wants, and whether a weight is to be taken in, and which.
    input logic signed [7:0] element_in,
    input logic bank_in,
    input logic load_in,
    input logic load_bank_in,
    output logic signed [7:0] element_out,
    output logic bank_out,
    output logic load_out,
    output logic load_bank_out,
    // From above: a weight and a partial sum.
    input logic signed [7:0] weight_in,
    input logic signed [31:0] sum_in,
    output logic signed [7:0] weight_out,
    output logic signed [31:0] sum_out
);
  logic signed [7:0] weights[2];

  always_ff @(posedge clk) begin
    element_out <= element_in;
    bank_out <= bank_in;
    load_out <= load_in;
    load_bank_out <= load_bank_in;
  end

  // Weights go down a column by two registers a row, the row's own and `weight_out`, and the load
  // signal by one. So the weight that entered the column s-th, of ROWS, is in row ROWS-1-s when the
  // signal has gone by.
  always_ff @(posedge clk) begin
    if (load_in) weights[load_bank_in] <= weight_in;
    weight_out <= weights[load_bank_in];
  end

  always_ff @(posedge clk) sum_out <= sum_in + 32'(element_in) * 32'(weights[bank_in]);
endmodule
