// `WIDTH` bits, `CYCLES` cycles later.
module delay #(
    parameter int WIDTH = 8,
    parameter int CYCLES = 1
) (
    input logic clk,
    input logic [WIDTH-1:0] in,
    output logic [WIDTH-1:0] out
);
  if (CYCLES == 0) begin : gen_wire
    logic unused;
    assign unused = clk;
    assign out = in;
  end else begin : gen_registers
    logic [CYCLES-1:0][WIDTH-1:0] stages;
    always_ff @(posedge clk) begin
      stages[0] <= in;
      for (int i = 1; i < CYCLES; ++i) stages[i] <= stages[i-1];
    end
    assign out = stages[CYCLES-1];
  end
endmodule
