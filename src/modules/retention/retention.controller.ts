import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Scope } from '../../http/access.js';
import { Problems } from '../../http/openapi.js';
import { RetentionView, retentionView } from './retention.dto.js';
import { RetentionService } from './retention.service.js';

@ApiTags('retention')
@Controller('v1/retention')
export class RetentionController {
  constructor(private readonly retention: RetentionService) {}

  @Get()
  @Scope('admin')
  @Problems({ 401: ['auth.token_missing', 'auth.token_unknown'], 403: ['auth.scope_missing'] })
  @ApiOperation({ operationId: 'previewRetention', summary: 'See for how long data is kept, and what will go when' })
  @ApiResponse({ status: 200, type: RetentionView })
  async preview(): Promise<RetentionView> {
    const { at, previews } = await this.retention.preview();
    return retentionView(at, previews);
  }
}
