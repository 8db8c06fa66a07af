import { ValidateBy } from 'class-validator';
import { mappingFault } from './field-mapping.js';

/** A setting of the form `field:source,field:source`. */
export const IsMapping = (): PropertyDecorator =>
  ValidateBy({
    name: 'isMapping',
    validator: {
      validate: (value) => typeof value === 'string' && mappingFault(value) === null,
      defaultMessage: (args) =>
        `$property ${typeof args?.value === 'string' ? mappingFault(args.value) : 'must be text'}`,
    },
  });
