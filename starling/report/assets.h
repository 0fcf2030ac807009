#pragma once
#include <string_view>

namespace starling::report {

// Files embedded when the library is built; each lives as long as the program.
std::string_view plotly();       ///< the drawing library (Plotly.js, MIT licence)
std::string_view page_script();  ///< page.js
std::string_view page_style();   ///< page.css

}  // namespace starling::report
