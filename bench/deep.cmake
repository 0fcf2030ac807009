add_executable(bench_deep ${CMAKE_CURRENT_LIST_DIR}/deep_bench.cc)
target_link_libraries(bench_deep PRIVATE starling_options starling_depth fmt::fmt)
