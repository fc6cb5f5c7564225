// Beast's and Boost.URL's own code, compiled once.
#include <boost/beast/src.hpp>
#include <boost/url/src.hpp>
