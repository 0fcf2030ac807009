# Under mpirun; in one process it is the field itself.
add_executable(bench_field_over_ranks ${CMAKE_CURRENT_LIST_DIR}/field_over_ranks.cc)
target_link_libraries(bench_field_over_ranks PRIVATE starling_options starling_launch starling_kernels fmt::fmt)
