import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiProperty, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Scope } from './access.js';
import { ApiKeys } from './api-keys.js';
import { Problems } from './openapi.js';

class ApiKeyView {
  @ApiProperty({ example: 'website' }) name: string;
  @ApiProperty({ type: [String], description: '`*` is every scope', example: ['guest:read'] }) scopes: string[];
  @ApiProperty({
    type: 'string',
    format: 'date-time',
    nullable: true,
    description: 'When it was used last, to the minute; null when it never was',
  })
  lastUsedAt: string | null;
}

class ApiKeyPageView {
  @ApiProperty({ type: [ApiKeyView] }) items: ApiKeyView[];
  @ApiProperty({ type: 'string', nullable: true, description: 'Always null: there are never more' })
  nextCursor: null;
}

/** Which keys there are and which of them nobody needs any more. */
@ApiTags('access')
@Controller('v1/api-keys')
@Scope('admin')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeys) {}

  @Get()
  @Problems({ 403: ['auth.scope_missing'] })
  @ApiOperation({
    operationId: 'listApiKeys',
    summary: 'See which API keys are configured, and when each was used last',
  })
  @ApiResponse({ status: 200, type: ApiKeyPageView })
  async list(): Promise<ApiKeyPageView> {
    const items = (await this.keys.list()).map(({ name, scopes, lastUsedAt }) => ({
      name,
      scopes: [...scopes],
      lastUsedAt: lastUsedAt?.toISOString() ?? null,
    }));
    return { items, nextCursor: null };
  }
}
