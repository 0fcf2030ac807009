add_executable(bench_gpt ${CMAKE_CURRENT_LIST_DIR}/gpt_bench.cc)
target_link_libraries(bench_gpt PRIVATE starling_options starling_nets starling_optim)
