// What the blocks of the matrix unit pass to each other.
package mma_types;

  // A product: acc[m][n] (+)= a[m][k] * b[k][n]. All extents are at least 1.
  typedef struct packed {
    logic [3:0] tag;         // names the product to the memories
    logic [31:0] m;
    logic [31:0] n;
    logic [31:0] k;
    logic accumulate;        // adds to what the accumulators hold
  } command_t;

  // What goes through the array beside a row of A, to say where its sums belong.
  typedef struct packed {
    logic valid;
    logic [3:0] tag;
    logic [31:0] row;        // of the product
    logic [31:0] col;        // the first of them
    logic [31:0] lanes;      // columns from there on, at most the array's
    logic add;               // to what the accumulators hold
    logic last;              // of the product
  } result_t;

endpackage
