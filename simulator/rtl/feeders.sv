// The scratchpad's side: takes commands, cuts products into passes of one tile of weights each, and
// reads weights and rows of A. The loader fills one weight of each element while the streamer sends
// rows past the other.
module feeders
  import mma_types::*;
#(
    parameter int ROWS = 4,
    parameter int COLS = 4
) (
    input logic clk,
    input logic reset,
    input logic command_valid,
    output logic command_ready,
    input command_t command,
    output logic busy,  // weights load or rows stream
    // A row of weights, COLS elements from (row, col) of B on; the data comes in the next cycle.
    output logic weight_read,
    output logic [3:0] weight_tag,
    output logic [31:0] weight_row,
    output logic [31:0] weight_col,
    input logic [COLS-1:0][7:0] weight_data,
    // A row of A, ROWS elements from (row, col) on; the data comes in the next cycle.
    output logic element_read,
    output logic [3:0] element_tag,
    output logic [31:0] element_row,
    output logic [31:0] element_col,
    input logic [ROWS-1:0][7:0] element_data,
    // Into the array.
    output logic [ROWS-1:0][7:0] elements,
    output logic bank,
    output logic load,
    output logic load_bank,
    output logic [COLS-1:0][7:0] weights,
    output result_t result
);
  localparam logic [31:0] Rows = 32'(ROWS);
  localparam logic [31:0] Cols = 32'(COLS);

  // ---- The loader: its command, the pass that it loads, and how far it is.
  typedef enum logic [1:0] {Empty, Loading, Loaded} loader_t;
  loader_t loader;
  command_t loaded;
  logic [31:0] pass_k;
  logic [31:0] pass_n;
  logic [31:0] load_row;
  logic next_bank;

  // ---- The streamer: likewise.
  logic streaming;
  command_t streamed;
  logic [31:0] stream_k;
  logic [31:0] stream_n;
  logic [31:0] stream_row;
  logic stream_bank;
  logic stream_last_pass;

  // The loader hands its pass over as soon as all weights are on their way and the streamer has sent
  // its last row. From then on the other weights are out of use: the next pass may load.
  logic load_done, stream_done, hand_over, last_k, last_pass;
  always_comb begin
    load_done = loader == Loaded || (loader == Loading && load_row == Rows - 1);
    stream_done = streaming && stream_row == streamed.m - 1;
    hand_over = load_done && (!streaming || stream_done);
    last_k = pass_k + Rows >= loaded.k;
    last_pass = last_k && pass_n + Cols >= loaded.n;
    command_ready = loader == Empty || (hand_over && last_pass);
    busy = loader == Loading || streaming;
  end

  always_ff @(posedge clk) begin
    if (reset) begin
      loader <= Empty;
      next_bank <= 1'b0;
    end else if (command_valid && command_ready) begin
      loader <= Loading;
      loaded <= command;
      pass_k <= '0;
      pass_n <= '0;
      load_row <= '0;
      next_bank <= ~next_bank;
    end else if (hand_over) begin
      loader <= last_pass ? Empty : Loading;
      pass_k <= last_k ? '0 : pass_k + Rows;
      pass_n <= last_k ? pass_n + Cols : pass_n;
      load_row <= '0;
      if (!last_pass) next_bank <= ~next_bank;
    end else if (loader == Loading) begin
      if (load_done) loader <= Loaded;
      load_row <= load_row + 1;
    end
  end

  always_ff @(posedge clk) begin
    if (reset) begin
      streaming <= 1'b0;
    end else if (hand_over) begin
      streaming <= 1'b1;
      streamed <= loaded;
      stream_k <= pass_k;
      stream_n <= pass_n;
      stream_row <= '0;
      stream_bank <= next_bank;
      stream_last_pass <= last_pass;
    end else if (stream_done) begin
      streaming <= 1'b0;
    end else begin
      stream_row <= stream_row + 1;
    end
  end

  // ---- Reads. The bottom row's weights enter first.
  always_comb begin
    weight_read = loader == Loading;
    weight_tag = loaded.tag;
    weight_row = pass_k + Rows - 1 - load_row;
    weight_col = pass_n;
    element_read = streaming;
    element_tag = streamed.tag;
    element_row = stream_row;
    element_col = stream_k;
  end

  // ---- In the next cycle the data is there. Elements beyond A's edge become zero, so it is no matter
  // what weights they meet; columns beyond B's edge are not written.
  logic [31:0] element_lanes;
  result_t outcome;
  always_comb begin
    outcome.valid = streaming && !reset;
    outcome.tag = streamed.tag;
    outcome.row = stream_row;
    outcome.col = stream_n;
    outcome.lanes = streamed.n - stream_n < Cols ? streamed.n - stream_n : Cols;
    outcome.add = streamed.accumulate || stream_k != '0;
    outcome.last = stream_done && stream_last_pass;
  end
  always_ff @(posedge clk) begin
    load <= weight_read && !reset;
    load_bank <= next_bank;
    bank <= stream_bank;
    element_lanes <= streamed.k - stream_k;
    result <= outcome;
  end
  assign weights = weight_data;
  for (genvar r = 0; r < ROWS; ++r) begin : gen_elements
    assign elements[r] = 32'(r) < element_lanes ? element_data[r] : '0;
  end
endmodule
