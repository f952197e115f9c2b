# Writes the pages that come from the .td files into the folder OUTPUT:
#
#   cmake -DOUTPUT=docs -DSOURCE=. -DMLIR_TBLGEN=mlir-tblgen -DMLIR_INCLUDE=dir -P cmake/SeqDocs.cmake
#
# The target seq-docs runs it for docs/, the test docs-up-to-date compares: with
# COMPARE=dir the pages written must be those of that folder.

# The dialects, each with an umbrella dialects/<name>/<Name>.td.
set(DIALECTS seq kernel)
# The rooms with passes, each with include/seqc/<room>/Passes.td.
set(ROOMS Rewrite Lower)

function(tblgen result td)
  execute_process(
    COMMAND ${MLIR_TBLGEN} ${ARGN} -I ${MLIR_INCLUDE} -I ${SOURCE}/dialects -I ${SOURCE}/include ${td}
    OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE "<!-- [^\n]* -->\n" "" text "${text}")
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

set(note "<!-- Generated from the .td files by the target seq-docs: change them, not this page. -->\n\n")
set(pages)

foreach(dialect IN LISTS DIALECTS)
  string(SUBSTRING ${dialect} 0 1 initial)
  string(TOUPPER ${initial} initial)
  string(SUBSTRING ${dialect} 1 -1 rest)
  tblgen(text ${SOURCE}/dialects/${dialect}/${initial}${rest}.td -gen-dialect-doc -dialect=${dialect})
  file(WRITE ${OUTPUT}/Dialects/${dialect}.md "${note}${text}")
  list(APPEND pages Dialects/${dialect}.md)
endforeach()

set(text "${note}# Passes\n")
foreach(room IN LISTS ROOMS)
  tblgen(passes ${SOURCE}/include/seqc/${room}/Passes.td -gen-pass-doc)
  string(APPEND text "\n## ${room}\n\n${passes}")
endforeach()
file(WRITE ${OUTPUT}/Passes.md "${text}")
list(APPEND pages Passes.md)

if(COMPARE)
  set(stale)
  foreach(page IN LISTS pages)
    execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${OUTPUT}/${page} ${COMPARE}/${page}
      RESULT_VARIABLE differs OUTPUT_QUIET ERROR_QUIET)
    if(differs)
      list(APPEND stale ${page})
    endif()
  endforeach()
  if(stale)
    message(FATAL_ERROR "stale pages in docs: ${stale}; build the target seq-docs and commit them")
  endif()
endif()
