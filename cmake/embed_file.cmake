# Writes OUTPUT: INPUT's bytes as std::string_view hillstar::embedded::VARIABLE.
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUTPUT} "#include <string_view>
namespace hillstar::embedded {
namespace { constexpr unsigned char bytes[] = {${bytes}0}; }
extern const std::string_view ${VARIABLE};
const std::string_view ${VARIABLE}{reinterpret_cast<const char*>(bytes), sizeof bytes - 1};
}  // namespace hillstar::embedded
")
