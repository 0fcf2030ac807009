add_executable(bench_muon ${CMAKE_CURRENT_LIST_DIR}/muon_bench.cc)
target_link_libraries(bench_muon PRIVATE starling_options starling_optim benchmark::benchmark)
