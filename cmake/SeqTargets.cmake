# How every library and tool of the project is built: one set of flags, one precompiled header, the shared MLIR.

# The packaged MLIR is built with NDEBUG and some of its classes have another layout without it.
set(SEQ_DEFINITIONS NDEBUG)
set(SEQ_OPTIONS -fno-exceptions -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers)

function(seq_target_settings target)
  target_include_directories(${target} SYSTEM PUBLIC ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  target_include_directories(${target} PUBLIC
    ${PROJECT_SOURCE_DIR}/dialects ${PROJECT_BINARY_DIR}/dialects
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include)
  target_compile_definitions(${target} PRIVATE ${SEQ_DEFINITIONS})
  target_compile_options(${target} PRIVATE ${SEQ_OPTIONS})
endfunction()

if(NOT TARGET seq_pch)
  add_library(seq_pch STATIC ${CMAKE_CURRENT_LIST_DIR}/pch.cpp)
  seq_target_settings(seq_pch)
  target_compile_options(seq_pch PRIVATE -Xclang -fno-pch-timestamp)
  target_precompile_headers(seq_pch PRIVATE ${CMAKE_CURRENT_LIST_DIR}/pch.h)
endif()

# seq_library(NAME sources… [DEPENDS targets…] [LINK libraries…])
function(seq_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  seq_target_settings(${name})
  target_compile_options(${name} PRIVATE -Xclang -fno-pch-timestamp)
  target_precompile_headers(${name} REUSE_FROM seq_pch)
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
  add_dependencies(${name} seq_tablegen ${ARG_DEPENDS})
endfunction()

# seq_tool(NAME sources… [LINK libraries…])
function(seq_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  seq_target_settings(${name})
  target_compile_options(${name} PRIVATE -Xclang -fno-pch-timestamp)
  target_precompile_headers(${name} REUSE_FROM seq_pch)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
  add_dependencies(${name} seq_tablegen)
endfunction()
