/** A pipe that runs down to a wheel. */
export const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M1 3h4l6 7" fill="none" stroke="#0b6e8f" stroke-width="3"/><circle cx="12" cy="11.5" r="3" fill="#009e73"/></svg>';
