# cmake -DOUTPUT=FILE -DHEADER=PATH -DNAMESPACE=NAME -DFILES=a.js;b.css -P embed.cmake
# Writes C++ that defines, for each text file, `const std::string_view a_js`, as HEADER declares it.
set(code "#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n")
foreach(path IN LISTS FILES)
  get_filename_component(name ${path} NAME)
  string(REPLACE "." "_" name ${name})
  # Not file(READ): lists would swallow semicolons and brackets.
  file(READ ${path} hex HEX)
  string(LENGTH "${hex}" length)
  math(EXPR bytes "${length} / 2")
  string(REGEX REPLACE "(..)" "\\\\x\\1" text "${hex}")
  string(APPEND code "const std::string_view ${name}{\n    \"${text}\",\n    ${bytes}};\n")
endforeach()
string(APPEND code "}  // namespace ${NAMESPACE}\n")
file(WRITE ${OUTPUT} "${code}")
