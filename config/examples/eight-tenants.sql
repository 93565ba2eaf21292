/* The model case: one GPU pool, shared between four departments and four kinds of customers.
   Running it again changes nothing; a mapping that was edited since keeps its new values. */
INSERT INTO api_key_priority_mappings
  (pattern, priority, match_type, tenant_id, tenant_name, tenant_type, description, created_by)
VALUES
  ('tok_prod*',      0, 'prefix', 'dept-prod',      'Production Team', 'internal', 'Live traffic',            'eight-tenants.sql'),
  ('tok_ml*',        1, 'prefix', 'dept-ml',        'ML Research',     'internal', 'Experiments',             'eight-tenants.sql'),
  ('tok_analytics*', 2, 'prefix', 'dept-analytics', 'Analytics',       'internal', 'Reports',                 'eight-tenants.sql'),
  ('tok_dev*',       3, 'prefix', 'dept-dev',       'Development',     'internal', 'Developers at their desks', 'eight-tenants.sql'),
  ('tok_ext_ent*',   5, 'prefix', 'ext-enterprise', 'Enterprise',      'external', 'Customers with a contract', 'eight-tenants.sql'),
  ('tok_ext_prem*',  6, 'prefix', 'ext-premium',    'Premium',         'external', 'Paying customers',        'eight-tenants.sql'),
  ('tok_ext_std*',   7, 'prefix', 'ext-standard',   'Standard',        'external', 'Paying customers, basic', 'eight-tenants.sql'),
  ('tok_ext_free*',  9, 'prefix', 'ext-free',       'Free',            'external', 'Trial accounts',          'eight-tenants.sql')
ON CONFLICT (pattern) DO NOTHING;
