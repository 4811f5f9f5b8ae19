# The RTL of the matrix array as SystemC modules, one a size, by Verilator; without it the simulator
# has its own model of the array alone.
find_package(verilator QUIET HINTS $ENV{VERILATOR_ROOT} /usr/share/verilator)
if(NOT verilator_FOUND)
  message(STATUS "Verilator not found: septran-sim has no --mma rtl, its tests are skipped")
  return()
endif()
add_library(septran_rtl STATIC)
foreach(size 4 8 16)
  verilate(septran_rtl SYSTEMC TOP_MODULE septran_mma PREFIX Vseptran_mma_${size}
    SOURCES
      ${CMAKE_CURRENT_LIST_DIR}/mma_types.sv
      ${CMAKE_CURRENT_LIST_DIR}/delay.sv
      ${CMAKE_CURRENT_LIST_DIR}/processing_element.sv
      ${CMAKE_CURRENT_LIST_DIR}/array_row.sv
      ${CMAKE_CURRENT_LIST_DIR}/array.sv
      ${CMAKE_CURRENT_LIST_DIR}/feeders.sv
      ${CMAKE_CURRENT_LIST_DIR}/septran_mma.sv
    VERILATOR_ARGS -Wall -O3 --pins-bv 2 --x-initial 0 --x-assign 0 -GROWS=${size} -GCOLS=${size})
endforeach()
# Generated code: neither our warnings nor the sanitizers.
target_compile_options(septran_rtl PRIVATE -w -O2 -fno-sanitize=all)
target_compile_definitions(septran_rtl PUBLIC SC_CPLUSPLUS=201703L)
target_include_directories(septran_rtl SYSTEM PUBLIC ${SYSTEMC_INCLUDE_DIR})
set_target_properties(septran_rtl PROPERTIES
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "$<TARGET_PROPERTY:septran_rtl,INTERFACE_INCLUDE_DIRECTORIES>")
target_link_libraries(septran_simulator PUBLIC septran_rtl)
target_compile_definitions(septran_simulator PUBLIC SEPTRAN_HAS_RTL)
