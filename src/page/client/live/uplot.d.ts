// Served under this name from the package, as it is.
import uPlot from 'uplot';

export default uPlot;
