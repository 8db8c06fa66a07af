'use strict';
/** The service, and nothing around it. */
const { serve } = require('../serving');
const { startAsShipped } = require('../shipped');

serve(startAsShipped);
